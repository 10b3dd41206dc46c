"""Pictures of a decode over the wire, and the tokens nearest by embedding."""

import numpy as np
import pytest
from dap_patterns import Event
from dap_programs import DATES

OWN = DATES[0]


@pytest.fixture
def on_the_way(tcp, date_index):
    """A session over a sentence of the index that has chosen six tokens."""
    tcp.launch(source=OWN, reference="1999-04-03", index=date_index.path)
    tcp.stopped("entry")
    for _ in range(6):
        tcp.go("next")
    return tcp


def places(picture, *sides):
    return {
        (each["side"], each["position"], each.get("row")): (each["x"], each["y"])
        for each in picture["points"]
        if not sides or each["side"] in sides
    }


def test_over_every_transport(session, date_index):
    session.launch(source=OWN, index=date_index.path)
    session.stopped("entry")
    session.go("next")
    session.go("next")
    body = session.request("s2s/projection", k=5)
    (picture,) = body["pictures"]
    assert (picture["site"], picture["method"], body["done"]) == ("decoder.state", "pca", True)
    path = [each for each in picture["points"] if each["side"] == "left"]
    assert [(each["position"], each["piece"]) for each in path] == [(0, "1"), (1, "9")]
    near = [each for each in picture["points"] if each["side"] == "neighbor"]
    assert 5 <= len(near) <= 10
    assert {each["near"] for each in near} == {0, 1}
    assert 0 < picture["trustworthiness"] <= 1
    assert 0 < sum(picture["explained"]) <= 1 + 1e-9
    nearest = session.request("s2s/neighbors", step=0, k=1)["neighbors"][0]
    assert min(each["distance"] for each in near if each["near"] == 0) == nearest["distance"]


def test_a_picture_is_drawn_on_and_the_old_points_stay(on_the_way):
    first = on_the_way.request("s2s/projection", sites=["decoder.state", "encoder.states"])
    on_the_way.go("next")
    second = on_the_way.request("s2s/projection", id=first["id"])
    assert second["id"] == first["id"]
    states, source = second["pictures"]
    assert (states["site"], source["site"]) == ("decoder.state", "encoder.states")
    assert len(places(states, "left")) == 7
    assert places(source) == places(first["pictures"][0 + 1])
    before = places(first["pictures"][0], "left")
    if not states["refitted"]:
        assert states["moved"] == pytest.approx(0, abs=1e-9)
        after = places(states, "left")
        assert all(np.allclose(after[key], before[key]) for key in before)
    assert on_the_way.refused("s2s/projection", id=99).number == 4554


def test_the_same_seed_draws_the_same(on_the_way):
    asked = {"method": "tsne", "k": 4, "seed": 3, "wait": True}
    one, two = (on_the_way.request("s2s/projection", **asked) for _ in range(2))
    assert one["pictures"] == two["pictures"]
    assert one["done"]
    assert one["pictures"][0]["steps"] > 100
    assert one["pictures"][0]["trustworthiness"] > 0.8
    assert one["pictures"][0]["divergence"] > 0


def test_tsne_is_refined_in_the_background(on_the_way):
    begun = on_the_way.request("s2s/projection", method="tsne", k=4)
    assert not begun["done"]
    assert on_the_way.value("step") == "5"  # other requests are answered meanwhile
    while True:
        body = on_the_way.expect(Event("s2s/projected"))["body"]
        assert body["id"] == begun["id"]
        if body["done"]:
            break
    again = on_the_way.request("s2s/projection", id=begun["id"])
    assert again == body
    on_the_way.go("next")
    grown = on_the_way.request("s2s/projection", id=begun["id"], wait=True)
    (picture,) = grown["pictures"]
    assert picture["moved"] <= 0.05 + 1e-9
    assert len(places(picture, "left")) == 7


def test_two_decodes_in_one_picture(on_the_way):
    body = on_the_way.request("s2s/projection", right={"reference": True}, k=3, method="mds")
    (picture,) = body["pictures"]
    left, right = places(picture, "left"), places(picture, "right")
    assert (len(left), len(right)) == (6, 11)
    for step in range(6):  # up to the month the prefixes are the same, and so are the states
        assert left["left", step, None] == pytest.approx(right["right", step, None])
    wide = on_the_way.request("s2s/projection", left={"branch": 0}, k=0)
    assert len(wide["pictures"][0]["points"]) == 11
    assert on_the_way.value("step") == "5"


def test_refusals(on_the_way, plain_model):
    refused = on_the_way.refused
    assert refused("s2s/projection", method="umap").number == 4540
    assert refused("s2s/projection", space="l1").number == 5005
    assert refused("s2s/projection", k=101).number == 5005
    assert refused("s2s/projection", k=-1).number == 5005
    assert refused("s2s/projection", seed=-1).number == 5005
    assert refused("s2s/projection", sites=["decoder.layers"]).number == 4501
    assert refused("s2s/projection", sites=["decoder.layers.9"]).number == 4107
    assert refused("s2s/projection", right={"sentence": 4}).number == 4403
    refusal = refused("s2s/projection", right={"model": plain_model})
    assert refusal.number == 4555


def test_without_an_index_the_trajectory_stands_alone(tcp, plain_model):
    tcp.launch(source="abc", model=plain_model)
    tcp.stopped("entry")
    assert {each["side"] for each in tcp.request("s2s/projection")["pictures"][0]["points"]} == {"left"}
    tcp.go("next")
    (picture,) = tcp.request("s2s/projection")["pictures"]
    assert (picture["site"], len(picture["points"])) == ("decoder.state", 1)
    tcp.request("s2s/projection", method="tsne")
    tcp.request("restart", arguments={"source": "abc", "model": plain_model})
    tcp.stopped("entry")
    assert tcp.refused("s2s/projection", id=1).number == 4554


def test_a_cancelled_picture_is_given_up(on_the_way):
    seq = on_the_way.send("s2s/projection", {"method": "tsne", "k": 100, "wait": True})
    on_the_way.request("cancel", requestId=seq)
    answer = on_the_way.answer(seq)
    if not answer["success"]:
        assert answer["body"]["error"]["id"] == 5008
    assert on_the_way.value("step") == "5"


def test_nearest_tokens(tcp):
    tcp.launch(source=OWN)
    tcp.stopped("entry")
    body = tcp.request("s2s/nearestTokens", position=6, k=3)
    assert (body["word"], body["side"], body["means"]) == ("3", "source", "token")
    assert len(body["near"]) == 3
    distances = [each["distance"] for each in body["near"]]
    assert distances == sorted(distances)
    assert tcp.request("s2s/nearestTokens", word="3", k=3)["near"] == body["near"]
    several = tcp.request("s2s/nearestTokens", word="May")
    assert (several["means"], [each["piece"] for each in several["pieces"]]) == ("pieces", ["M", "a", "y"])
    tcp.go("next")
    target = tcp.request("s2s/nearestTokens", side="target", k=2)
    assert (target["word"], target["side"]) == ("1", "target")
    number = target["pieces"][0]["id"]
    assert tcp.request("s2s/nearestTokens", side="target", token=number, k=2) == target
    refused = tcp.refused
    assert refused("s2s/nearestTokens", side="middle").number == 5005
    assert refused("s2s/nearestTokens", word="a", token=3).number == 5005
    assert refused("s2s/nearestTokens", side="target", position=1).number == 5005
    assert refused("s2s/nearestTokens", position=99).number == 4107
    assert refused("s2s/nearestTokens", k=0).number == 4107
    assert refused("s2s/nearestTokens", token=9999).number == 4546
    assert refused("s2s/nearestTokens", metric="taxi").number == 4534
    assert refused("s2s/nearestTokens", word="").number == 4545
