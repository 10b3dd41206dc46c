"""`s2s/verdict` over the wire: answered, refused, given up, and without a trace in the session."""

import pytest

LIMIT = 150
"""Steps that are enough for some of the experiments."""
DATE, WRITTEN, WANTED = "J 4, 2005", "2005-07-04", "2005-01-04"


@pytest.fixture
def at_a_token(tcp):
    """A session with a reference that has just chosen its first token."""
    tcp.launch(source=DATE, reference=WANTED)
    tcp.stopped("entry")
    tcp.go("next")
    return tcp


def test_over_every_transport(session):
    session.launch(source=DATE, reference=WANTED)
    session.stopped("entry")
    verdict = session.request("s2s/verdict", limit=LIMIT)
    assert (verdict["step"], verdict["wrong"], verdict["wanted"]) == (6, "7", "1")
    assert verdict["output"] == WRITTEN
    made = {each["stage"] for each in (*verdict["experiments"], *verdict["absent"])}
    assert made == {"encoder", "decoder", "attention", "prediction", "search"}
    assert all(each["text"] for each in verdict["experiments"])
    assert len(verdict["edits"]) == len(verdict["editTexts"])
    assert verdict["repairedOutput"] == (WANTED if verdict["edits"] else WRITTEN)
    assert verdict["stepsRun"] <= 2 * LIMIT


def test_it_leaves_no_trace(at_a_token):
    def seen():
        return at_a_token.request("s2s/step", threadId=at_a_token.thread), at_a_token.request("s2s/beam")

    before = seen()
    at_a_token.request("s2s/verdict", limit=LIMIT)
    assert seen() == before
    assert at_a_token.run_to_end()[0] == WRITTEN


def test_refusals(at_a_token):
    assert at_a_token.refused("s2s/verdict", reference=WRITTEN).number == 4420
    assert at_a_token.refused("s2s/verdict", step=6, wanted="7").number == 4422
    assert at_a_token.refused("s2s/verdict", step=60, wanted="7").number == 4423
    assert at_a_token.refused("s2s/verdict", sentence=3).number == 4403
    assert at_a_token.refused("s2s/verdict", limit=0).number == 5005


def test_a_cancelled_verdict_is_given_up(at_a_token):
    seq = at_a_token.send("s2s/verdict", {})
    at_a_token.request("cancel", requestId=seq)
    answer = at_a_token.answer(seq)
    if not answer["success"]:  # it may have been done before
        assert answer["body"]["error"]["id"] == 5008
    assert at_a_token.value("step") == "0"
    assert at_a_token.run_to_end()[0] == WRITTEN


def test_its_edits_are_applied_as_they_are(tcp):
    tcp.launch(source=DATE, reference=WRITTEN, search={"maxLength": 8})
    tcp.stopped("entry")
    verdict = tcp.request("s2s/verdict", limit=LIMIT)
    assert verdict["stage"] == "search"
    tcp.request("s2s/edit", edits=verdict["edits"])
    assert tcp.run_to_end()[0] == verdict["repairedOutput"]
