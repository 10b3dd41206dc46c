"""The search, packed for a view of it: the same candidates as `s2s/beam` tells at length."""

import base64

import numpy as np
import pytest

REASONS = ["none", "rank", "constraint", "length", "draw", "ended", "forced"]
FATES = ["survived", "finished", "pruned"]


def array(body):
    """An array out of a message."""
    kind = {"int32": "<i4", "float32": "<f4"}[body["dtype"]]
    return np.frombuffer(base64.b64decode(body["data"]), kind).reshape(body["shape"])


def test_it_holds_every_candidate(tcp):
    tcp.launch(source="J 4, 2005", search={"beamSize": 3, "lengthPenalty": 0.6, "coveragePenalty": 0.2})
    tcp.stopped("entry")
    tcp.go("stepOut")
    tree, beam = tcp.request("s2s/tree"), tcp.request("s2s/beam")
    assert (tree["total"], tree["reasons"]) == (beam["total"], REASONS)
    assert len(tree["steps"]) == len(beam["steps"])
    for packed, told in zip(tree["steps"], beam["steps"], strict=True):
        assert packed["live"] == [each["id"] for each in told["hypotheses"]]
        ids, numbers = array(packed["ids"]), array(packed["numbers"])
        assert len(ids) == len(numbers) == len(told["candidates"])
        for (parent, token, fate, reason, child), row, each in zip(
            ids, numbers, told["candidates"], strict=True
        ):
            assert (parent, token, FATES[fate], REASONS[reason]) == tuple(
                each[name] for name in ("parent", "id", "fate", "reason")
            )
            assert child == each.get("child", -1)
            assert tree["pieces"][str(token)] == each["piece"]
            wanted = [each[name] for name in ("logp", "score", "coverageTerm", "final")]
            assert row == pytest.approx(wanted, rel=1e-6, abs=1e-7)
            assert packed["lengthTerm"] == each["lengthTerm"]


def test_a_search_that_has_not_come_is_not_told(tcp):
    tcp.launch(source="J 4, 2005", search={"beamSize": 2})
    tcp.stopped("entry")
    assert tcp.request("s2s/tree")["steps"] == []
    tcp.go("next")
    tcp.go("stepIn")
    for command in ("s2s/tree", "s2s/beam"):
        assert [each["step"] for each in tcp.request(command)["steps"]] == [0]
    tcp.go("next")
    for command in ("s2s/tree", "s2s/beam"):
        assert [each["step"] for each in tcp.request(command)["steps"]] == [0, 1]
    page = tcp.request("s2s/tree", start=1, count=1)
    assert ([each["step"] for each in page["steps"]], page["total"]) == ([1], 2)
    assert page["hypothesis"] in page["alive"]
