"""Comparing inside a call of somebody's own program: its batch, its branches; the call is as it was."""

import pytest
import torch
from attaching import Program, attached, identical

import s2sdap
from s2sdap.client import Refused, Side


@pytest.mark.parametrize("settings", [{}, {"num_beams": 2}], ids=["greedy", "beams"])
def test_the_call_returns_what_it_returns(here, bart, settings):
    model, inputs = bart

    def call():
        torch.manual_seed(5)
        return model.generate(**inputs, max_new_tokens=6, **settings)

    expected = call()

    def debugged():
        with s2sdap.debug(model):
            return call()

    with attached(here) as debugger:
        program = Program(debugged)
        debugger.wait_for_stop()
        debugger.next()
        first = expected[0, 1:].tolist()
        body = debugger.compare(Side(sentence=1), Side(sentence=0))
        assert body.left.output != body.right.output
        assert [row.left.token.id for row in body.rows if row.left][: len(first)] == first
        written = debugger.where_did_my_reference_go("#9 #12 #7", sentence=1)
        assert [token.id for token in written.tokens] == [2, 9, 12, 7, 1]  # bart is made to begin with 2
        assert written.fall.step in (1, 2)
        forced = debugger.compare(Side(reference="#9 #12 #7", sentence=1), Side(sentence=1))
        assert forced.right.tokens == 5
        with pytest.raises(Refused) as caught:
            debugger.compare(Side(model="dates"))
        assert caught.value.name == "call_not_ours"
        debugger.resume()
        assert identical(program.result(), expected)


def test_a_branch_of_the_call(here, bart):
    model, inputs = bart

    def debugged():
        with s2sdap.debug(model):
            return model.generate(**inputs, max_new_tokens=6)

    with attached(here) as debugger:
        program = Program(debugged)
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        debugger.force("#9")
        body = debugger.compare(Side(branch=0))
        assert (body.left.branch, body.right.branch) == (1, 0)
        assert body.divergence == 1
        assert body.parting.left.token.id == 9
        assert body.parting.kl == 0
        debugger.resume()
        program.result()
