"""The story of docs/tutorials/dates.md, on its models: these fail where it is no longer so."""

import re
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from once import shared_folder

from s2sdap.client import Side

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "date_conversion"
TUTORIAL = (ROOT / "docs" / "tutorials" / "dates.md").read_text("utf-8")

pytestmark = pytest.mark.timeout(600)  # the first of them trains


@pytest.fixture(scope="module")
def bug():
    """The example as a module."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        import find_the_bug  # it stands beside what it imports

        yield find_the_bug
    finally:
        sys.path.remove(str(EXAMPLE))


PREPARED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import find_the_bug
find_the_bug.prepare(Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def folder(warm, tmp_path_factory):
    """The small model with its index: some 25 CPU seconds, in a process that checks no shapes."""
    folder = shared_folder(tmp_path_factory) / "find-the-bug"
    with FileLock(f"{folder}.lock"):
        done = warm.run(["-c", PREPARED, EXAMPLE, folder], patience=600)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def story(bug, folder):
    return bug.investigate(folder)


def test_the_small_model_goes_wrong_and_the_large_one_does_not(bug, story):
    assert story.output == "2030-01-24"
    assert story.bundled == bug.REFERENCE
    assert (story.step, story.token) == (5, "0")
    assert story.p > 0.9


def test_it_looks_one_character_too_far(story):
    assert story.attention[5] > story.attention[4] > 0.2


def test_its_state_lies_among_months_of_both_kinds(story):
    assert story.neighbors == 8
    assert 2 <= story.agree <= 6


def test_attention_is_to_blame_and_the_fix_is_one(bug, story):
    assert story.stage == "attention"
    assert story.repaired == story.after == bug.REFERENCE


def test_the_page_says_what_the_script_says(bug, story):
    without_numbers = re.compile(r"\d+\.\d+")
    wanted = re.search(r"```\n(20301024 should.*?)\n```", TUTORIAL, re.DOTALL)[1]
    assert without_numbers.sub("N", wanted) == without_numbers.sub("N", bug.told(story))


def test_two_months_part_where_the_tutorial_says(debugger, tmp_path):
    program = tmp_path / "two.txt"
    program.write_text("March 3, 1999\nMay 3, 1999\n", "utf-8")
    debugger.launch(program=program)
    for _ in range(3):
        debugger.step_out()
    rows = debugger.compare(Side(sentence=0)).rows
    parting = rows[6]
    assert (parting.left.token.piece, parting.right.token.piece) == ("5", "3")
    assert rows[5].state_l2 < 0.1
    assert parting.js > 0.69
    assert rows[7].state_l2 > 1
