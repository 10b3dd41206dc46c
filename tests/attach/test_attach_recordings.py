"""Calls of somebody's own program in a session file: saved at a stop, opened after the program is gone."""

import pytest
import torch
from attaching import Program, attached
from test_attach_modules import PIECES, SITES, Attending

import s2sdap
from s2sdap import S2sdapError, Session
from s2sdap.client import Refused
from s2sdap.debugger.scopes import scopes_of


def test_a_call_of_generate_is_saved_and_opened_but_only_its_program_can_make_it_again(here, bart, tmp_path):
    model, inputs = bart
    path = tmp_path / "session.s2s"
    with attached(here) as debugger, s2sdap.debug(model):
        program = Program(lambda: model.generate(**inputs, max_new_tokens=5, num_beams=2))
        debugger.wait_for_stop()
        debugger.next()
        debugger.next()
        debugger.force(debugger.top_tokens(2)[-1].id)
        live = debugger.step()
        debugger.save(path)
        with pytest.raises(Refused, match="own program"):
            debugger.replay(path, model="dates")
        debugger.resume()
        program.result()
    recorded = Session.open_recording(path)
    recorded.start()
    assert len(recorded.walk.timeline.branches) == 2
    assert recorded.frame.piece(recorded.frame.token) == live.token.piece
    assert recorded.hypotheses()[0].score == live.score
    assert len({each.sentence for each in recorded.hypotheses()}) == 2
    with pytest.raises(S2sdapError, match="own program"):
        recorded.replay()


def test_a_forward_of_a_module_is_saved_and_opened(here, tmp_path):
    torch.manual_seed(3)
    module = Attending().eval()
    given = torch.randint(0, 11, (2, 5)), torch.randint(0, 11, (2, 3))
    path = tmp_path / "session.s2s"
    with attached(here) as debugger, s2sdap.debug(module, tokenizer=PIECES, sites=SITES):
        program = Program(lambda: module(*given))
        debugger.wait_for_stop()
        debugger.step_out()
        shown = [
            each.value
            for scope in debugger.scopes()
            for each in debugger.variables(scope.variables_reference)
        ]
        debugger.save(path)
        debugger.resume()
        program.result()
    recorded = Session.open_recording(path)
    recorded.start()
    assert [item.value for scope in scopes_of(recorded.frame) for item in scope.items()] == shown
