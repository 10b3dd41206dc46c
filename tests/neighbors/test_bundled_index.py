"""The bundled model's index: made on first use, by one of those who want it, gone on with after a kill."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from date_indexes import contents

from s2sdap.models import bundled
from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint
from s2sdap.models.loading import load_model
from s2sdap.neighbors.bundled import CORPUS, INDEX, bundled_folder, bundled_index, has_bundled_index
from s2sdap.neighbors.extraction import Bounds
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError

SMALL = 4 * Bounds().sentences  # four batches
"""Pairs of the indexes that several processes make."""
SCRIPT = """
import sys, torch
from s2sdap.neighbors.bundled import bundled_index
torch.set_num_threads(1)
print("ready", flush=True)
given = {name: int(value) for name, value in (each.split("=") for each in sys.argv[1:])}
sys.stdin.readline()
store = bundled_index(lambda told: print("batch", flush=True), **given)
print("whole", store.sentence_count, flush=True)
"""


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    """A cache of this test's own, and the threads of a launch."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "cache"
    torch.set_num_threads(threads)


@contextmanager
def other_process(warm, *given):
    with warm.start(["-c", SCRIPT, *given]) as process:
        assert process.stdout.readline() == "ready\n"
        yield process


def begin(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_the_whole_index_is_made_once_and_then_found(warm, user_cache):
    with other_process(warm) as process:
        begin(process)
        said = process.stdout.read().splitlines()
    assert said == ["batch"] * -(-10_000 // Bounds().sentences) + ["whole 10000"]
    again = []
    store = bundled_index(again.append)
    assert again == []
    assert {str(site) for site in store.sites} == {"encoder.states", "decoder.state", "attention.context"}
    assert store.place.folder == bundled_folder() / INDEX
    assert user_cache in store.place.folder.parents
    found = store.rows(StateSite("decoder.state"), range(store.count(StateSite("decoder.state"))))
    assert found.right.mean() > 0.99  # it was trained on them
    lines = (bundled_folder() / CORPUS).read_text("utf-8").splitlines()
    assert len(lines) == len(training_pairs())
    for number in (0, 5000, 9999):
        sentence = store.sentence(number)
        assert Path(sentence.file) == bundled_folder() / CORPUS
        assert lines[sentence.line] == f"{sentence.source}\t{sentence.target}"


def test_only_the_bundled_model_has_it(tmp_path):
    assert has_bundled_index(load_model("dates"))
    checkpoint = load_checkpoint(Path(bundled.__file__).parent / "dates")
    weights = {name: weight.clone() for name, weight in checkpoint.weights.items()}
    next(iter(weights.values()))[0] += 1
    save_checkpoint(tmp_path / "dates", checkpoint.config, weights)
    assert not has_bundled_index(load_model(str(tmp_path / "dates")))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a small index holds that was made in one go; of its sentences the lines."""
    threads, before = torch.get_num_threads(), os.environ.get("XDG_CACHE_HOME")
    torch.set_num_threads(1)
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("undisturbed"))
    yield held(bundled_index(sample=SMALL))
    torch.set_num_threads(threads)
    os.environ.pop("XDG_CACHE_HOME")
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before


def held(store):
    states, sentences = contents(store.place)
    return states, [(each.sentence, each.line, each.source, each.target) for each in sentences]


def test_two_processes_that_want_it_at_once_both_get_it(warm, undisturbed):
    with other_process(warm, f"sample={SMALL}") as one, other_process(warm, f"sample={SMALL}") as other:
        for process in (one, other):
            begin(process)
        said = [process.stdout.read().splitlines() for process in (one, other)]
    assert [lines[-1] for lines in said] == [f"whole {SMALL}"] * 2
    assert sorted(lines.count("batch") for lines in said) == [0, -(-SMALL // Bounds().sentences)]
    assert held(bundled_index(sample=SMALL)) == undisturbed


@pytest.mark.parametrize("after", [0, 2])
def test_a_killed_build_is_gone_on_with(warm, undisturbed, after):
    with other_process(warm, f"sample={SMALL}") as process:
        begin(process)
        for _ in range(after):
            assert process.stdout.readline() == "batch\n"
        process.kill()
    assert held(bundled_index(sample=SMALL)) == undisturbed


def test_one_that_is_damaged_is_made_again(undisturbed):
    folder = bundled_index(sample=SMALL).place.folder
    next((folder / "decoder.state.lance" / "data").iterdir()).unlink()
    (folder.parent / CORPUS).write_text("something else\n")
    assert held(bundled_index(sample=SMALL)) == undisturbed
    (folder / "manifest.json").write_text("{}")
    assert held(bundled_index(sample=SMALL)) == undisturbed


def test_a_watch_that_raises_ends_the_build_which_can_go_on():
    class CancelledError(Exception):
        pass

    def cancel(told):
        raise CancelledError

    with pytest.raises(CancelledError):
        bundled_index(cancel, sample=SMALL)
    store = bundled_index(sample=SMALL)
    assert store.sentence_count == SMALL
    model, site = load_model("dates"), StateSite("encoder.states")
    for row in np.linspace(0, store.count(site) - 1, 20, dtype=np.int64):
        states = store.rows(site, [int(row)])
        sentence = store.sentence(int(states.sentence[0]))
        token = model.tokenize(sentence.source).tokens[int(states.position[0])]
        assert (token.id, token.piece) == (int(states.token[0]), sentence.pieces[int(states.position[0])])


def test_a_cache_that_cannot_be_written_is_told(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(S2sdapError, match="S2S4519: Cannot write the index /dev/null/s2sdap"):
        bundled_index(sample=SMALL)
