"""A process with its imports done and the model loaded, which forks one for each index that it has to build.

    python building_process.py < jobs

A job is a line of JSON: `{"what": "build", "place": ..., "corpus": ..., "rows": ...}`, or `add`. The child
prints `pid N`, `kept N` after each batch (the sentences that are acknowledged), and `done`; in the end the
parent prints `ended`. Nothing of Lance has run in the parent, whose threads a child would not have.
"""

import json
import os
import sys

import lance  # noqa: F401  - its import takes longer than a build
import torch
from date_indexes import Builder


def say(what):
    os.write(1, f"{what}\n".encode())


def work(job, plan):
    builder = Builder(job["rows"])
    say(f"pid {os.getpid()}")
    act = builder.build if job["what"] == "build" else builder.add
    act(job["place"], plan, lambda told: say(f"kept {told.committed}"))
    say("done")


def main():
    torch.set_num_threads(1)
    plans = {}
    for line in sys.stdin:
        job = json.loads(line)
        corpus = job["corpus"]
        if corpus not in plans:
            plans[corpus] = Builder().plan(corpus)
        child = os.fork()
        if child == 0:
            try:
                work(job, plans[corpus])
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
