"""A build or an addition is killed at random moments: the index holds what was acknowledged, and goes on.

12 kills by default; `S2SDAP_KILLS=50` makes so many.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from date_indexes import SITES, Builder, contents, corpus_file

from s2sdap.neighbors.store import StateStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
HERE = Path(__file__).parent
KILLS = int(os.environ.get("S2SDAP_KILLS", "12"))
EACH = 3
"""Kills of one index, before it is left in peace and compared."""
FIRST, SECOND = 60, 40
ROWS = 64


class Workers:
    """The warm process, which builds one index after the other."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "building_process.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
        )

    def start(self, what, place, corpus):
        job = {"what": what, "place": str(place), "corpus": str(corpus), "rows": ROWS}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.line().removeprefix("pid "))

    def line(self):
        line = self.process.stdout.readline()
        assert line, "the warm process is gone"
        return line.strip()

    def rest(self):
        """What is said until the child is gone."""
        return list(iter(self.line, "ended"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(100)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def workers():
    running = Workers()
    yield running
    running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    return corpus_file(folder / "first.tsv", 0, FIRST), corpus_file(folder / "second.tsv", FIRST, SECOND)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, files):
    """The index of the first corpus, and that with the second one added; each made in one go."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    builder = Builder(ROWS)
    one, both = (tmp_path_factory.mktemp("undisturbed") / name for name in ("one", "both"))
    builder.build(one, builder.plan(files[0]))
    shutil.copytree(one, both)
    builder.add(both, builder.plan(files[1]))
    yield one, both
    torch.set_num_threads(threads)


def killed(workers, draw, what, place, corpus, batches):
    """Kill a build after a random number of batches and then a random moment of another.

    Returns the sentences that it had told to be kept, or `None` where it was done before it was killed.
    """
    child = workers.start(what, place, corpus)
    told, began = ["kept 0"], time.monotonic()
    for _ in range(draw.randrange(batches)):
        told.append(workers.line())
        if told[-1] == "done":  # it went on with a build of which less was left
            break
    batch = (time.monotonic() - began) / len(told)
    time.sleep(draw.random() * max(batch, 0.02))  # the moment itself
    with contextlib.suppress(ProcessLookupError):  # it is done
        os.kill(child, signal.SIGKILL)
    told += workers.rest() if told[-1] != "ended" else []
    return None if "done" in told else int(told[-1].removeprefix("kept "))


def check_prefix(place, whole, least, plan, before=0):
    """The index holds the rows of the first so many batches, of every site, and no sentence else.

    At least `least` sentences of the corpus are kept; those before its first, `before`, are, too.
    """
    if not (Path(place.removeprefix("file-object-store://")) / "manifest.json").exists():
        assert (least, before) == (0, 0)
        return
    store = StateStore.open(place)
    goal = StateStore.open(whole)
    corpora = store.manifest.corpora[1 if before else 0 :]
    done = corpora[0].done if corpora else 0
    numbers = sorted(before + number for batch in plan.batches[:done] for number in batch)
    assert len(numbers) >= least
    expected = [*range(before), *numbers]
    assert store.sentence_numbers.tolist() == expected
    assert store.sentences(expected) == goal.sentences(expected)
    for site in SITES:
        count = int(np.isin(goal.column(site, "sentence"), expected).sum())
        assert store.count(site) == count
        if count:
            mine, theirs = store.rows(site, range(count)), goal.rows(site, range(count))
            for name in ("vectors", "sentence", "position", "token", "predicted"):
                assert getattr(mine, name).tobytes() == getattr(theirs, name).tobytes()


def rounds(kills):
    return -(-kills // (2 * EACH))


@pytest.mark.parametrize("number", range(rounds(KILLS)))
def test_a_killed_build_keeps_what_was_acknowledged(workers, files, undisturbed, tmp_path, number):
    """Every third is written through the interface that Lance has for object storage."""
    scheme = "file-object-store://" if number % 3 == 1 else ""
    draw, plan = random.Random(f"build {number}"), Builder().plan(files[0])
    place, kills = f"{scheme}{tmp_path}/index", 0
    while kills < EACH:
        least = killed(workers, draw, "build", place, files[0], len(plan.batches))
        if least is None:
            shutil.rmtree(tmp_path / "index")
            continue
        check_prefix(place, undisturbed[0], least, plan)
        kills += 1
    workers.start("build", place, files[0])
    assert workers.rest()[-1] == "done"
    assert contents(place) == contents(undisturbed[0])


@pytest.mark.parametrize("number", range(rounds(KILLS)))
def test_a_killed_addition_keeps_what_was_acknowledged(workers, files, undisturbed, tmp_path, number):
    draw, plan = random.Random(f"add {number}"), Builder().plan(files[1])
    place, kills = str(tmp_path / "index"), 0
    shutil.copytree(undisturbed[0], place)
    while kills < EACH:
        least = killed(workers, draw, "add", place, files[1], len(plan.batches))
        if least is None:
            shutil.rmtree(place)
            shutil.copytree(undisturbed[0], place)
            continue
        check_prefix(place, undisturbed[1], least, plan, FIRST)
        kills += 1
    workers.start("add", place, files[1])
    assert workers.rest()[-1] == "done"
    assert contents(place) == contents(undisturbed[1])
