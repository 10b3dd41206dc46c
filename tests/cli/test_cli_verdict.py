"""`s2sdap verdict`: the stage to blame for each sentence that is not its reference."""

import json

import pytest

LIMIT = 300
"""Steps that are enough for some of the experiments."""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in.txt").write_text("March 3, 1999\n\nJ 4, 2005\n")
    (tmp_path / "ref.txt").write_text("1999-03-03\n\n2005-01-04\n")
    (tmp_path / "both.tsv").write_text("March 3, 1999\t1999-03-03\n\nJ 4, 2005\t2005-01-04\n")
    return tmp_path


def test_as_json(s2sdap, files):
    done = s2sdap("verdict", "both.tsv", "--limit", LIMIT, "--json", cwd=files)
    assert done.returncode == 1, done.stderr
    right, wrong = map(json.loads, done.stdout.splitlines())
    assert (right["line"], right["verdict"]) == (1, None)
    assert (wrong["line"], wrong["verdict"]["output"]) == (3, "2005-07-04")
    assert (wrong["verdict"]["step"], wrong["verdict"]["wrong"], wrong["verdict"]["wanted"]) == (6, "7", "1")
    assert wrong["verdict"]["experiments"]


def test_as_a_person_reads_it(s2sdap, files):
    done = s2sdap(
        "verdict", "in.txt", "--reference", "ref.txt", "--line", 3, "--limit", LIMIT, cwd=files, COLUMNS="200"
    )
    assert done.returncode == 1, done.stderr
    assert "'7' where '1' should stand" in done.stdout
    assert "to blame: " in done.stdout
    assert "March" not in done.stdout


def test_refusals(s2sdap, files):
    done = s2sdap("verdict", "in.txt", "--reference", "ref.txt", "--line", 9, cwd=files)
    assert done.returncode == 2
    assert "S2S4303" in done.stderr
    done = s2sdap("verdict", "in.txt", cwd=files)
    assert done.returncode == 2
    assert done.stderr.startswith("S2S4404: There is no reference for in.txt.")


def test_the_checkpoint_is_read_as_the_other_commands_read_it(s2sdap, files):
    done = s2sdap("verdict", "both.tsv", "--dtype", "float16", cwd=files)
    assert done.returncode == 2
    assert "S2S2021" in done.stderr
    done = s2sdap("verdict", "both.tsv", "--revision", "main", cwd=files)
    assert (done.returncode, done.stderr[:26]) == (2, "S2S2021: `revision` means ")


def test_a_reference_that_cannot_be_written_is_nobody_s_fault(s2sdap, files):
    (files / "odd.txt").write_text("x\n\n\u00f1and\u00fa\n")
    done = s2sdap("verdict", "in.txt", "--reference", "odd.txt", cwd=files)
    assert (done.returncode, done.stdout) == (2, "")
    assert "S2S4427: The vocabulary lacks 'x' of the reference of line 1" in done.stderr
    assert "'\u00f1'" in done.stderr
    assert "line 3" in done.stderr


def test_a_sentence_that_cannot_be_judged_is_named(s2sdap, files):
    done = s2sdap("verdict", "both.tsv", "--limit", 5, cwd=files)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("line 1: S2S4425: ")
    assert second.startswith("line 3: S2S4425: ")
