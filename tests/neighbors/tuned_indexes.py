"""The index of dates with a graph over its decoder states: built once a test session, for all workers."""

import os
import shutil

from filelock import FileLock

from s2sdap.neighbors.search.tuning import tune
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

DECODER = StateSite("decoder.state")
ENCODER = StateSite("encoder.states")


def tuned_index(tmp_path_factory, plain: str) -> str:
    """A copy of the index `plain` with a graph. The first call takes half a minute of CPU, any other none."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent  # each worker has a folder of its own in that of the session
    folder = session / "tuned.index"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.copytree(plain, unfinished)
            tune(StateStore.open(unfinished), DECODER, kind="pynndescent", seed=3)
            unfinished.rename(folder)
    return str(folder)
