"""The likeliest tokens of every step, where `generate` kept the scores of its latest step alone."""

from generating import run

from s2sdap.debugger import measures
from s2sdap.debugger.columns import Row, column, column_at_hand
from s2sdap.vocabulary import sites


def rows(done):
    """The steps of a hypothesis that has come to the end."""
    tip = done.records[-1].after
    last = (*tip.finished, *tip.live)[0]
    return [Row(done.records[node.step], node.row, node) for node in last.path()][::-1]


def test_a_column_that_was_let_go_of_is_made_again_and_then_stays():
    """At the end of a decode all that can be run again is let go of, but for its last step."""
    done = run("t5", num_beams=2, min_new_tokens=8, max_new_tokens=8)
    *steps, last = rows(done)
    assert [column_at_hand(row) for row in steps] == [None] * len(steps)
    assert column_at_hand(last) is not None
    made = [column(row) for row in steps]
    assert [column_at_hand(row) for row in steps] == made
    for row, each in zip(steps, made, strict=True):
        scores = row.record.sites[sites.PREDICTION_LOGPROBS][row.row]
        assert each.top[:3] == tuple(measures.top_tokens(scores, 3))
        assert scores[row.chosen.token] == each.top[each.rank][1]


def test_a_column_is_of_its_row_and_its_token():
    done = run("t5", num_beams=2, min_new_tokens=4, max_new_tokens=4)
    row = rows(done)[1]
    other = Row(row.record, 1 - row.row, None)
    assert column(other).top != column(row).top
    assert (column(other).rank, column(row).top[column(row).rank][0]) == (None, row.chosen.token)
