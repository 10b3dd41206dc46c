"""Files that older releases wrote stay readable: one of each version is kept beside this test.

`golden/session-1.s2s` is `rnn()` of `tiny_models` over "ab" with the reference "uv", a beam of 2 and 3 tokens
at most, saved with light sites after the token z was forced at step 0 and one step more, with a breakpoint
on the line and the rule lowConfidence(p < 0.4).
"""

from pathlib import Path

import pytest
from recordings import reopened, shown

from s2sdap import Session
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.edits import TokenEdit

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def first():
    return Session.open_recording(GOLDEN / "session-1.s2s")


def test_version_1_is_read(first):
    stop = first.start()
    assert (stop.cursor.sentence, stop.cursor.branch, stop.cursor.step) == (0, 1, 1)
    assert first.evaluate("output") == "z<unk>"
    assert first.evaluate("p") == 0.390878817006985
    assert first.evaluate("reference") == "uv"
    assert first.walk.branch.edits == (TokenEdit(0, 1, first.model.target.find("z")),)
    assert [len(branch.records) for branch in first.walk.timeline.branches] == [1, 2]
    assert (first.settings.beam_size, first.settings.max_length) == (2, 3)


def test_what_version_1_armed_stops_a_run(first):
    first.start()
    assert first.reverse_continue().finding.condition == "p < 0.4"
    assert first.reverse_continue().reason is StopReason.BREAKPOINT
    stop = first.continue_()
    assert (stop.reason, stop.finding.condition) == (StopReason.RULE, "p < 0.4")


def test_version_1_is_written_again_as_this_release_writes(first, tmp_path):
    first.start()
    again = reopened(first, tmp_path / "again.s2s")
    again.start()
    assert shown(again) == shown(first)
