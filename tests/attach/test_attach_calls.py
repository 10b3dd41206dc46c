"""The client's side of attaching: where calls stop, what is a call's own, and what is refused."""

import socket

import pytest
import torch
from attaching import SECONDS, Program, attached, connected, listens, said, wait_until

import s2sdap
from s2sdap.attach import listening
from s2sdap.client import Debugger, Refused, S2sdapError

SHORT = {"max_new_tokens": 4}


def calls(model, inputs, times=1, settings=SHORT):
    with s2sdap.debug(model):
        return [model.generate(**inputs, **settings) for _ in range(times)]


def refusal(work):
    with pytest.raises(Refused) as caught:
        work()
    return caught.value.name


# ---- who may attach --------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_without_the_token_nobody_attaches(here, token):
    with Debugger.connect(here.host, here.tcp_port, token=token) as debugger:
        assert refusal(debugger.attach) == "bad_token"
        assert not s2sdap.is_client_connected()


def test_it_attaches_over_a_websocket_too(here, bart):
    model, inputs = bart
    address = f"ws://{here.host}:{here.websocket_port}"
    with Debugger.connect_address(address, token_file=listening.token_file()) as debugger:
        debugger.attach()
        program = Program(lambda: calls(model, inputs))
        assert debugger.wait_for_stop(timeout=SECONDS).reason == "entry"
        debugger.resume()
        program.result()


def test_a_second_client_is_refused_until_the_first_has_left(here):
    with connected(here) as second:
        with attached(here):
            assert refusal(second.attach) == "attached_already"
        second.attach()
        assert s2sdap.wait_for_client(SECONDS)


def test_launch_and_restart_are_refused_with_what_to_do(here):
    with attached(here) as debugger:
        assert debugger.capabilities["supportsRestartRequest"]
        changed = [event.read(dict)["capabilities"] for event in debugger.events("capabilities")]
        assert {"supportsRestartRequest": False} in changed
        assert refusal(debugger.restart) == "cannot_restart"
    with connected(here) as debugger:
        assert refusal(lambda: debugger.launch(source="March 3, 1999")) == "attach_only"


def test_nobody_attaches_to_an_adapter_that_launches():
    with Debugger.spawn() as debugger:
        assert refusal(debugger.attach) == "launch_only"


def test_a_refused_attach_may_be_tried_again_and_unknown_fields_are_told(here):
    with connected(here) as debugger:
        assert refusal(lambda: debugger.attach(watch_rules=["noSuchRule"])) == "unknown_watch_rule"
        assert not s2sdap.is_client_connected()
        debugger.request("attach", token=listening.token_file().read_text(), stop_on_entri=False, connect={})
        words = said(debugger)
        assert "`stopOnEntri`; did you mean `stopOnEntry`" in words
        assert "connect" not in words
        assert refusal(debugger.attach) == "already_launched"


# ---- listening -------------------------------------------------------------------------------


def test_a_process_listens_once(here):
    with pytest.raises(S2sdapError) as caught:
        s2sdap.listen(0)
    assert caught.value.name == "listening_already"
    assert str(here.tcp_port) in str(caught.value)


def test_it_listens_on_loopback_only_and_says_when_a_port_is_taken():
    with pytest.raises(S2sdapError) as caught:
        s2sdap.listen(("0.0.0.0", 0))
    assert caught.value.name == "not_loopback"
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(S2sdapError) as caught:
            s2sdap.listen(other.getsockname()[1])
        assert caught.value.name == "port_taken"
    with listens():  # the failure has left nothing that were in its way
        pass


def test_waiting_for_a_client(capsys):
    with pytest.raises(S2sdapError) as caught:
        s2sdap.wait_for_client()
    assert caught.value.name == "not_listening"
    try:
        addresses = s2sdap.listen(("127.0.0.1", 0))
        said = capsys.readouterr().err
        assert f"tcp://127.0.0.1:{addresses.tcp_port}" in said
        assert str(listening.token_file()) in said
        assert '"request": "attach"' in said
        assert s2sdap.wait_for_client(0.01) is False
        assert listening.token_file().stat().st_mode & 0o777 == 0o600
        token_file = listening.token_file()
    finally:
        listening.stop_listening()
    assert not token_file.exists()


# ---- where calls stop ------------------------------------------------------------------------


def test_only_the_first_call_stops_at_its_entry(here, bart):
    model, inputs = bart
    with attached(here) as debugger:
        program = Program(lambda: calls(model, inputs, 3))
        assert debugger.wait_for_stop().reason == "entry"
        debugger.resume()
        program.result()
        assert debugger.stop is None
        assert len(debugger.events("stopped")) == 1
        assert not debugger.events("terminated", "exited")


def test_a_step_over_the_end_of_a_call_stops_in_the_next(here, bart):
    model, inputs = bart
    with attached(here) as debugger:
        program = Program(lambda: calls(model, inputs, 3))
        debugger.wait_for_stop()
        assert debugger.step_out().reason == "step"
        assert debugger.step().output
        assert debugger.step_out().reason == "step"
        step = debugger.step()
        assert (step.step, step.stage) == (-1, "encoder")
        assert debugger.stack_trace()[-1].source.name.startswith("generate call")
        assert refusal(debugger.step_back) == "at_start"  # no time travel over calls
        debugger.resume()
        program.result()
        assert len(debugger.events("stopped")) == 3


def test_pause_before_a_call_stops_the_next_one(here, bart):
    model, inputs = bart
    with attached(here, stop_on_entry=False) as debugger:
        Program(lambda: calls(model, inputs)).result()
        debugger.request("pause", thread_id=1)
        program = Program(lambda: calls(model, inputs))
        assert debugger.wait_for_stop().reason == "pause"
        debugger.resume()
        program.result()


def test_a_breakpoint_in_the_program_stops_at_the_next_step(here, bart):
    model, inputs = bart

    def breaking(ids, scores):
        if ids.shape[1] == 3:
            s2sdap.breakpoint()
        return scores

    with attached(here, stop_on_entry=False) as debugger:
        program = Program(lambda: calls(model, inputs, settings={**SHORT, "logits_processor": [breaking]}))
        stop = debugger.wait_for_stop()
        assert (stop.reason, stop.text) == ("breakpoint", "s2sdap.breakpoint()")
        assert debugger.step().step == 2  # the step whose scores were being made
        debugger.resume()
        program.result()
        s2sdap.breakpoint()  # and before a call, in the call
        program = Program(lambda: calls(model, inputs))
        assert debugger.wait_for_stop().reason == "breakpoint"
        debugger.resume()
        program.result()


def test_a_breakpoint_without_a_client_is_forgotten(here, bart):
    model, inputs = bart
    s2sdap.breakpoint()
    with attached(here, stop_on_entry=False) as debugger:
        Program(lambda: calls(model, inputs)).result()
        assert not debugger.events("stopped")


def test_what_is_armed_before_a_call_stops_in_it(here, bart):
    model, inputs = bart
    rules = {"lowConfidence": "p < 1.1"}
    with attached(here, stop_on_entry=False, breakpoints=[1], stages=["attention"], rules=rules) as debugger:
        program = Program(lambda: calls(model, inputs, 2))
        assert debugger.wait_for_stop().reason == "breakpoint"
        assert debugger.continue_().reason == "function breakpoint"
        assert debugger.continue_().reason == "exception"
        debugger.watch({})
        debugger.set_stages([])
        assert debugger.continue_().reason == "breakpoint"
        assert len(debugger.request("loadedSources")["sources"]) == 3
        debugger.set_breakpoints([])
        debugger.resume()
        program.result()


def test_a_watch_rule_of_the_attach_itself(here, bart):
    model, inputs = bart
    with attached(here, stop_on_entry=False, watch_rules=["lowConfidence(p < 1.1)"]) as debugger:
        program = Program(lambda: calls(model, inputs))
        assert debugger.wait_for_stop().reason == "exception"
        debugger.disconnect()
        program.result()


# ---- a call is a program of its own ----------------------------------------------------------


def test_the_text_of_each_call_can_be_read(here, bart):
    model, inputs = bart
    with attached(here) as debugger:
        program = Program(lambda: calls(model, inputs, 2))
        debugger.wait_for_stop()
        frame = debugger.stack_trace()[0]
        text = debugger.request("source", source_reference=frame.source.source_reference)["content"]
        assert len(text.split("\n")) == 2
        debugger.step_out()
        debugger.step_out()
        other = debugger.stack_trace()[0]
        assert other.source.source_reference != frame.source.source_reference
        assert debugger.request("source", source_reference=frame.source.source_reference)["content"] == text
        assert refusal(lambda: debugger.request("source", source_reference=99)) == "unknown_source"
        told = [event.read(dict)["source"]["name"] for event in debugger.events("loadedSource")]
        assert told == [frame.source.name, other.source.name]
        debugger.resume()
        program.result()


def test_every_row_is_a_hypothesis_on_a_line_of_its_own(here, bart):
    model, inputs = bart
    with attached(here) as debugger:
        program = Program(lambda: calls(model, inputs))
        debugger.wait_for_stop()
        debugger.next()
        rows = [thread.id for thread in debugger.threads()]
        assert [debugger.stack_trace(hypothesis=row)[0].line for row in rows] == [1, 2]
        debugger.resume()
        program.result()


def test_the_results_of_a_call_stay_until_the_next(here, bart):
    model, inputs = bart
    with attached(here, stop_on_entry=False) as debugger:
        assert refusal(debugger.results) == "no_call"
        (ids,) = Program(lambda: calls(model, inputs)).result()
        wait_until(debugger.results)
        (result,) = debugger.results()
        assert [[token.id for token in output.tokens] for output in result.outputs] == ids[:, 1:].tolist()
        assert refusal(lambda: debugger.evaluate("p")) == "running"
        assert refusal(debugger.stack_trace) == "running"


# ---- letting go ------------------------------------------------------------------------------


def test_terminate_ends_the_debugging_and_not_the_program(here, bart):
    model, inputs = bart
    expected = calls(model, inputs)[0]
    with attached(here) as debugger:
        program = Program(lambda: calls(model, inputs, 2))
        debugger.wait_for_stop()
        assert debugger.terminate().ended
        assert all(torch.equal(each, expected) for each in program.result())
        assert not s2sdap.is_client_connected()
        assert not debugger.events("exited")  # the process has not


def test_a_client_that_left_may_come_again(here, bart):
    model, inputs = bart
    for _ in range(3):
        with attached(here) as debugger:
            program = Program(lambda: calls(model, inputs))
            assert debugger.wait_for_stop().reason == "entry"
            debugger.next()
        program.result()


def test_listening_may_end_while_a_call_is_stopped(bart):
    model, inputs = bart
    expected = calls(model, inputs)[0]
    with listens() as addresses:
        token = listening.token_file().read_text()
        debugger = Debugger.connect(addresses.host, addresses.tcp_port, token=token)
        debugger.attach()
        program = Program(lambda: calls(model, inputs))
        debugger.wait_for_stop(timeout=SECONDS)
    assert torch.equal(program.result()[0], expected)
    assert debugger.wait_for_stop(timeout=SECONDS).ended
    debugger.disconnect()
