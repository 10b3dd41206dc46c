"""`s2sdap open`: what a session file holds, and its decode run again."""

from pathlib import Path

import pytest
import torch

from s2sdap import SearchSettings, Session, models
from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def saved(tmp_path_factory, dates):
    """A session with a branch, that says which model it is of."""
    path = tmp_path_factory.mktemp("sessions") / "session.s2s"
    session = Session.open(
        "dates", source="March 3, 1999\n\nIdes of March 2044", settings=SearchSettings(beam_size=2)
    )
    session.start()
    session.next()
    session.force("2")
    session.next()
    session.save(path)
    return path


def test_a_file_is_shown_to_people(s2sdap, saved, dates):
    done = s2sdap("open", saved)
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        dates.fingerprint,
        "sites: all",
        "March 3, 1999",
        "line 1, branch 1: step 0, hypothesis 1: token '2'",
    ):
        assert part in done.stdout
    assert "sentence 1, step 1, search" in done.stdout


def test_the_model_that_it_names_gives_the_same(s2sdap, saved):
    done = s2sdap("open", saved, "--replay")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 branches are the same in every bit" in done.stdout


def test_another_checkpoint_is_told_apart(s2sdap, saved, tmp_path):
    bundled = load_checkpoint(Path(models.__file__).parent / "bundled" / "dates")
    weights = {name: weight.clone() for name, weight in bundled.weights.items()}
    name = next(each for each in weights if each.startswith("output") and weights[each].dim() == 1)
    weights[name] += torch.linspace(-3, 3, len(weights[name]))
    save_checkpoint(tmp_path / "other", bundled.config, weights)
    done = s2sdap("open", saved, "--model", tmp_path / "other")
    assert done.returncode == 1, done.stderr
    assert "is not the recorded model" in done.stdout
    assert "differs from step 0, prediction.logits by up to 3" in done.stdout


def test_what_is_no_session_file_is_refused_in_one_line(s2sdap, tmp_path):
    (tmp_path / "letter.txt").write_text("dear reader")
    for path, number in ((tmp_path / "none.s2s", 7101), (tmp_path / "letter.txt", 7102)):
        done = s2sdap("open", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"S2S{number}: ")
        assert done.stderr.count("\n") == 1
