"""What a command does on a cluster, in a process of its own: Ray ends the process where its nodes go.

Prints a JSON object: of each thing that was tried, the outcomes or the error.
"""

import json
import sys
from collections.abc import Callable, Iterable

import cluster_workers

from s2sdap.cluster import connected, mapped
from s2sdap.vocabulary.errors import S2sdapError

PARTS = [str(number).encode() for number in range(12)]


def told(outcomes: Callable[[], Iterable[bytes]]) -> dict[str, object]:
    """The outcomes until the error, if there is one."""
    came = []
    try:
        for outcome in outcomes():
            came.append(outcome.decode())
    except S2sdapError as error:
        return {"came": came, "error": str(error)}
    return {"came": came, "error": None}


def main(address: str, mark: str) -> None:
    """Try everything on one connection; what never comes back is the last."""
    with connected(address) as cluster:

        def tried(worker, made, parts=PARTS, **how):
            return told(lambda: mapped(cluster, parts, worker, made, **how))

        found = {
            "cluster": [
                cluster.address,
                cluster.nodes,
                cluster.cpus,
                cluster.gpus,
                cluster.workers(1.0, 0.0),
            ],
            "doubling": tried(cluster_workers.Doubling, {"times": 2}),
            "refusing": tried(cluster_workers.Refusing, {}),
            "never made": tried(cluster_workers.NeverMade, {}),
            "crashing": tried(cluster_workers.Crashing, {}, PARTS[:1]),
            "dying": tried(cluster_workers.Dying, {"mark": mark}),
            "nothing": tried(cluster_workers.Doubling, {"times": 2}, []),
            "on a GPU": tried(cluster_workers.Accelerated, {}, PARTS[:1], gpus=1.0),
            "silence": tried(cluster_workers.Waiting, {}, PARTS[:1], stall_seconds=2),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
