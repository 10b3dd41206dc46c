"""`s2s/compare` and `s2s/reference` over the wire: answered, bounded, and without a trace in the session."""

import pytest
from dap_patterns import Event
from harness import DebugSession

DATE = "March 3, 1999"
EMPTY_SIDE: dict = {}


@pytest.fixture
def at_a_token(tcp) -> DebugSession:
    """A session with a reference that has just chosen its second token."""
    tcp.launch(source=DATE, reference="1999-03-04", search={"beamSize": 3, "nBest": 2})
    tcp.stopped("entry")
    tcp.go("next")
    tcp.go("next")
    return tcp


def compare(session, right, left=EMPTY_SIDE, **page):
    return session.request("s2s/compare", left=left, right=right, **page)


def seen(session):
    """What a person sees of a session."""
    beam = session.request("s2s/beam")
    return session.value("[step, output, score, hypothesis]"), beam, session.outputs()


def test_over_every_transport(session):
    session.launch(source=DATE, reference="1999-03-04")
    session.stopped("entry")
    session.go("next")
    body = compare(session, {"reference": True})
    assert not body["same"]
    assert body["divergence"] == 9
    assert body["parting"]["left"]["token"]["piece"] == "3"
    assert body["parting"]["right"]["token"]["piece"] == "4"
    assert session.request("s2s/reference")["outcome"] in ("pruned", "never")


def test_a_branch_with_itself(at_a_token):
    body = compare(at_a_token, {})
    assert body["same"]
    assert "divergence" not in body
    assert body["absent"] == {}
    assert body["left"] == body["right"]
    assert body["total"] == len(body["rows"]) == 11
    for row in body["rows"]:
        assert [row[name] for name in ("attentionTv", "stateL2", "stateCosine", "kl", "js")] == [0] * 5


def test_it_leaves_no_trace(at_a_token):
    before = seen(at_a_token)
    compare(at_a_token, {"reference": True})
    compare(at_a_token, {"search": {"beamSize": 1, "nBest": 1}})
    compare(at_a_token, {"model": "dates"})
    at_a_token.request("s2s/reference")
    assert seen(at_a_token) == before
    assert at_a_token.run_to_end() == ["1999-03-03"]
    assert at_a_token.events("s2s/result")[0]["branch"] == 0
    assert len(at_a_token.events("s2s/result")) == 1


def test_branches(at_a_token):
    at_a_token.request("s2s/edit", token="2")
    body = compare(at_a_token, {"branch": 1}, {"branch": 0})
    assert (body["left"]["branch"], body["right"]["branch"]) == (0, 1)
    assert body["divergence"] == 1
    assert body["left"]["output"] == "1999-03-03"
    assert body["right"]["output"].startswith("12")
    current = compare(at_a_token, {"branch": 0})
    assert current["left"]["branch"] == 1
    assert at_a_token.refused("s2s/compare", right={"branch": 2}).number == 4143


def test_sentences(tcp, program):
    tcp.launch(program=program)
    tcp.stopped("entry")
    tcp.go("next")
    body = compare(tcp, {"sentence": 2})
    assert body["right"]["source"] == "Ides of March 2044"
    assert body["absent"] == {"attention": "the sources have 13 and 18 tokens"}
    assert tcp.refused("s2s/compare", right={"sentence": 3}).number == 4403
    assert tcp.refused("s2s/compare", right={"sentence": -1}).number == 4403
    assert tcp.refused("s2s/compare", right={"reference": True}).number == 4404


def test_a_hypothesis_goes_as_far_as_it_has_come(at_a_token):
    live = at_a_token.request("threads")["threads"]
    assert len(live) > 1
    body = compare(at_a_token, {"hypothesis": live[1]["id"]}, {"hypothesis": live[0]["id"]})
    assert (body["left"]["tokens"], body["right"]["tokens"]) == (2, 2)
    assert not body["same"]
    assert at_a_token.refused("s2s/compare", right={"hypothesis": 999}).number == 4407


def test_other_settings(at_a_token):
    body = compare(at_a_token, {"search": {"maxLength": 4}})
    assert body["right"]["output"] == "1999"
    assert body["divergence"] == 4
    assert "right" not in body["parting"]
    assert at_a_token.refused("s2s/compare", right={"search": {"beemSize": 4}}).number == 3003
    assert at_a_token.refused("s2s/compare", right={"search": {"beamSize": 1}}).number == 3002  # nBest is 2
    assert at_a_token.refused("s2s/compare", right={"generation": {"num_beams": 2}}).number == 3005


def test_another_checkpoint_reads_the_same_source(tcp, wide_model, plain_model):
    tcp.launch(source="abc", model=wide_model, search={"maxLength": 5})
    tcp.stopped("entry")
    body = compare(tcp, {"model": plain_model})
    assert not body["sameVocabulary"]
    assert body["absent"] == {
        "attention": "the right has no attention.weights",
        "distribution": "the vocabularies differ",
    }
    assert body["right"]["source"] == "abc"
    assert body["right"]["tokens"] <= 5
    assert body["left"]["fingerprint"] != body["right"]["fingerprint"]
    again = compare(tcp, {"model": plain_model})
    assert again == body
    assert [each["title"] for each in tcp.events("progressStart")].count(f"Loading {plain_model}") == 1
    assert tcp.refused("s2s/compare", right={"model": "nothing"}).number == 2001


def test_what_cannot_be_meant_together(at_a_token):
    for side in (
        {"branch": 0, "model": "dates"},
        {"hypothesis": 1, "search": {"beamSize": 2}},
        {"hypothesis": 1, "reference": True},
    ):
        assert at_a_token.refused("s2s/compare", right=side).number == 4401


def test_rows_come_in_pages(at_a_token):
    whole = compare(at_a_token, {"reference": True})
    rows = []
    while len(rows) < whole["total"]:
        rows += compare(at_a_token, {"reference": True}, start=len(rows), count=4)["rows"]
    assert rows == whole["rows"]
    assert compare(at_a_token, {"reference": True}, start=1000)["rows"] == []


def test_where_a_reference_went(at_a_token):
    body = at_a_token.request("s2s/reference")
    fall = body["fall"]
    assert body["reference"] == "1999-03-04"
    assert body["output"] == "1999-03-03"
    assert fall["step"] == 9
    assert fall["token"]["piece"] == "4"
    assert fall["parent"]["output"] == "1999-03-0"
    assert fall["gap"] == pytest.approx(fall["survivor"]["score"] - fall["score"])
    assert body["text"].startswith("it left the beam at step 9: '4' after '1999-03-0'")
    assert body["score"] == pytest.approx(sum(token["logp"] for token in body["tokens"]))
    assert [token["piece"] for token in body["tokens"]] == [*"1999-03-04", "</s>"]
    assert body["outputScore"] > body["score"]
    best = at_a_token.request("s2s/reference", reference="1999-03-03")
    assert (best["outcome"], best["place"], best["behind"]) == ("output", 0, 0)
    unknown = at_a_token.request("s2s/reference", reference="1999-03?")
    assert unknown["unknown"] == ["?"]
    assert "the vocabulary lacks '?'" in unknown["text"]


def test_a_long_one_is_told_about_and_given_up(tcp):
    tcp.launch(source=DATE, search={"maxLength": 100_000})
    tcp.stopped("entry")
    slow = {"search": {"minLength": 100_000}}
    seq = tcp.send("s2s/compare", {"right": slow})
    started = tcp.expect(Event("progressStart", title="Comparing branch 0 with minLength=100000"))
    assert started["body"]["cancellable"]
    tcp.go("next")  # the session goes on meanwhile
    assert tcp.value("step") == "0"
    tcp.request("cancel", progressId=started["body"]["progressId"])
    answer = tcp.answer(seq)
    assert answer["body"]["error"]["id"] == 5008
    second = tcp.send("s2s/compare", {"right": slow})
    tcp.request("cancel", requestId=second)
    assert tcp.answer(second)["body"]["error"]["id"] == 5008
    assert tcp.value("step") == "0"


def test_it_has_nothing_to_look_at_before_a_stop(tcp):
    tcp.initialize()
    assert tcp.refused("s2s/compare", right={}).number == 4001
    tcp.launch(source=DATE, stopOnEntry=False)
    tcp.expect(Event("terminated"))
    assert tcp.refused("s2s/compare", right={}).number == 4004
