"""The index of dates with a graph over its decoder states: built once a test session, for all workers."""

import shutil

from once import made_once

from s2sdap.neighbors.search.tuning import tune
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

DECODER = StateSite("decoder.state")
ENCODER = StateSite("encoder.states")


def tuned_index(tmp_path_factory, plain: str) -> str:
    """A copy of the index `plain` with a graph. The first call takes half a minute of CPU, any other none."""

    def make(folder):
        shutil.copytree(plain, folder)
        tune(StateStore.open(folder), DECODER, kind="pynndescent", seed=3)

    return str(made_once(tmp_path_factory, "tuned.index", make))
