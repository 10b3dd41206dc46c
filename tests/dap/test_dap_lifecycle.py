"""From hello to goodbye, over every transport."""

import pytest
from dap_patterns import Event, Response, containing, text_with
from dap_programs import DATES, write

SENTENCES = [date for date in DATES if date]


def test_a_whole_session(session, program, decoded):
    capabilities = session.initialize()
    assert capabilities["supportsConfigurationDoneRequest"] is True

    seq = session.launch_only(program=program)
    session.expect(Event("initialized"))
    session.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": 4}])
    done = session.send("configurationDone")
    session.expect(
        (Response("launch", seq=seq) & Response("configurationDone", seq=done))
        >> Event("thread", reason="started", threadId=1)
        >> Event("stopped", reason="entry", threadId=1, allThreadsStopped=True)
    )
    assert session.frames()[0]["name"] == f"encoder · {len(DATES[0])} tokens"

    stop = session.go("next")
    assert stop["reason"] == "step"
    assert session.value("token") == "'1'"

    stop = session.go("continue")
    assert stop["reason"] == "breakpoint"
    assert session.frames()[0]["line"] == 4

    assert session.run_to_end() == [decoded(each) for each in SENTENCES]
    session.goodbye()


def test_events_of_a_launch_come_in_order(session):
    seq = session.begin_launch(source=DATES[0])
    session.finish_launch(seq)
    started = [each.get("event") or each.get("command") for each in session.received]
    session.expect(Event("stopped"))
    for one, two in [
        ("initialize", "initialized"),
        ("initialized", "progressStart"),
        ("progressStart", "progressEnd"),
        ("progressEnd", "capabilities"),
        ("capabilities", "loadedSource"),
        ("loadedSource", "launch"),
    ]:
        assert started.index(one) < started.index(two), started


def test_configuration_may_come_before_the_model_is_there(session):
    seq = session.begin_launch(source=DATES[0], stopOnEntry=False)
    session.request("configurationDone")
    session.expect(Response("launch", seq=seq) >> Event("s2s/result", sentence=0) >> Event("terminated"))
    assert session.outputs() == ["1999-03-03"]


def test_results_come_as_events_and_as_output(session, program, decoded):
    first, second, third = (decoded(each) + "\n" for each in SENTENCES)
    session.launch(program=program, stopOnEntry=False)
    session.expect(
        Event("output", category="stdout", output=first, line=1)
        >> Event("output", category="stdout", output=second, line=2)
        >> Event("output", category="stdout", output=third, line=4, source=containing(path=program))
        >> Event("exited", exitCode=0)
        >> Event("terminated")
    )
    results = session.events("s2s/result")
    assert [each["line"] for each in results] == [0, 1, 3]
    assert [each["outputs"][0]["text"] + "\n" for each in results] == [first, second, third]


def test_without_debugging_nothing_stops(session, program):
    seq = session.begin_launch(program=program, noDebug=True)
    session.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": 1}])
    session.request("setFunctionBreakpoints", breakpoints=[{"name": "search"}])
    session.finish_launch(seq)
    session.expect(Event("terminated"))
    assert session.events("stopped") == []


@pytest.mark.parametrize("stop_on_entry", [True, False])
def test_restart_begins_again_with_the_same_breakpoints(session, program, stop_on_entry):
    seq = session.begin_launch(program=program, stopOnEntry=stop_on_entry)
    session.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": 4}])
    session.finish_launch(seq)
    first = session.stopped()
    again = session.send("restart", {})
    _, stop = session.expect(Response("restart", seq=again) >> Event("stopped"))
    assert stop["body"]["reason"] == first["reason"] == ("entry" if stop_on_entry else "breakpoint")
    if stop_on_entry:
        assert session.go("continue")["reason"] == "breakpoint"
    session.run_to_end()


def test_restart_takes_new_arguments(session, decoded):
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.request("restart", arguments={"source": DATES[3], "search": {"beamSize": 3}})
    session.stopped("entry")
    session.go("next")
    assert len(session.request("threads")["threads"]) == 3
    assert session.run_to_end() == [decoded(DATES[3], beam_size=3)]


def test_restart_after_the_end(session):
    session.launch(source=DATES[0], stopOnEntry=False)
    session.expect(Event("terminated"))
    assert session.refused("next", threadId=1).number == 4004
    session.request("restart")
    session.expect(Event("exited") >> Event("terminated"))
    assert session.outputs() == ["1999-03-03"]


def test_what_has_ended_goes_back(session):
    session.launch(source=DATES[0], stopOnEntry=False)
    session.expect(Event("terminated"))
    session.request("stepBack", threadId=1)
    session.stopped("step")
    assert session.frames()[0]["name"].startswith("step 10 ")
    session.request("continue", threadId=1)
    session.expect(Event("terminated"))
    session.request("reverseContinue", threadId=1)
    assert session.stopped()["reason"] == "entry"


def test_what_was_ended_does_not_go_back(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.request("terminate")
    session.expect(Event("terminated"))
    assert session.refused("stepBack", threadId=1).number == 4004


def test_restart_places_the_breakpoints_of_the_new_program(tcp, tmp_path, program):
    other = write(tmp_path, f"\n\n\n\n\n{DATES[0]}\n", "other.txt")
    seq = tcp.begin_launch(program=program)
    tcp.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": 2}, {"line": 4}])
    tcp.finish_launch(seq)
    tcp.stopped("entry")
    tcp.request("restart", arguments={"program": other, "stopOnEntry": False})
    tcp.expect(Event("breakpoint", reason="changed", breakpoint=containing(verified=True, line=6)))
    tcp.stopped("breakpoint")
    assert tcp.frames()[0]["line"] == 6


def test_a_restart_that_fails_leaves_the_run_as_it_was(session, program, tmp_path):
    session.launch(program=program)
    session.stopped("entry")
    session.go("next")
    other = write(tmp_path, "May 4, 2001\n", "other.txt")
    refusal = session.refused("restart", arguments={"program": other, "model": "nothing-such"})
    assert refusal.number == 2001
    assert session.frames()[0]["source"]["path"] == program
    assert session.request("loadedSources")["sources"][0]["path"] == program
    assert session.run_to_end()[0] == "1999-03-03"


def test_restart_while_running(session, corpus):
    session.launch(program=corpus, stopOnEntry=False)
    session.expect(Event("s2s/result", sentence=5))
    again = session.send("restart", {"arguments": {"source": DATES[0], "stopOnEntry": False}})
    session.expect(Response("restart", seq=again) >> Event("terminated"))
    assert session.outputs() == ["1999-03-03"]
    after = session.received.index(session.answer(again))
    results = [
        each["body"]["source"] for each in session.received[after:] if each.get("event") == "s2s/result"
    ]
    assert results == [DATES[0]], "results of the run that was given up"


def test_a_stop_while_restarting_does_not_hold_the_restart_up(session, corpus, pipe):
    session.launch(program=corpus, stopOnEntry=False)
    session.expect(Event("s2s/result", sentence=2))
    again = session.send("restart", {"arguments": {"source": DATES[0], "model": f"odd:loads-when={pipe}"}})
    session.request("setFunctionBreakpoints", breakpoints=[{"name": "search"}])
    pipe.open()
    session.answer(again)
    assert session.stopped()["reason"] == "entry"
    assert session.frames()[0]["name"].startswith("encoder")


def test_terminate_ends_the_run_and_leaves_the_connection(session, corpus):
    session.launch(program=corpus, stopOnEntry=False)
    session.expect(Event("s2s/result"))
    seq = session.send("terminate", {})
    session.expect(Response("terminate", seq=seq) >> Event("exited") >> Event("terminated"))
    assert session.refused("stackTrace", threadId=1).number == 4004
    session.request("restart", arguments={"source": DATES[0]})
    session.stopped("entry")


def test_terminate_at_a_stop(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    seq = session.send("terminate", {})
    session.expect(Response("terminate", seq=seq) >> Event("terminated"))


def test_disconnect_is_the_last_answer(session, corpus):
    session.launch(program=corpus, stopOnEntry=False)
    session.expect(Event("s2s/result"))
    session.goodbye()


def test_what_waits_at_the_goodbye_is_answered(session, pipe):
    session.initialize()
    seq = session.launch_only(source=DATES[0], model=f"odd:loads-when={pipe}")
    session.expect(Event("initialized"))
    session.goodbye()
    pipe.let_go()
    answer = session.answer(seq)
    assert (answer["success"], answer["message"]) == (False, "cancelled")


def test_a_launch_can_be_cancelled_while_another_one_loads(connect, pipe):
    with connect("tcp") as slow, connect("tcp") as session:
        waiting = slow.begin_launch(source=DATES[0], model=f"odd:loads-when={pipe}")
        seq = session.begin_launch(source=DATES[0])
        session.request("cancel", requestId=seq)
        answer = session.answer(seq)
        assert (answer["success"], answer["message"]) == (False, "cancelled")
        assert answer["body"]["error"]["id"] == 5008
        pipe.open()
        slow.finish_launch(waiting)
        session.launch(source=DATES[0])
        session.stopped("entry")


def test_requests_are_answered_while_the_model_loads(session, pipe):
    seq = session.begin_launch(source=DATES[0], model=f"odd:loads-when={pipe}")
    assert session.request("threads")["threads"] == [{"id": 1, "name": "hypothesis 1"}]
    assert session.request("setFunctionBreakpoints", breakpoints=[{"name": "decoder"}])
    assert session.refused("stackTrace", threadId=1).number == 4003
    assert session.refused("launch", source="x", token=session.token).number == 4002
    session.request("cancel", requestId=9999)
    pipe.open()
    session.finish_launch(seq)
    session.stopped("entry")


def test_a_launch_that_fails_and_then_one_that_works(session, program):
    session.initialize()
    for arguments, number in [
        ({"program": program, "model": "nothing-such"}, 2001),
        ({}, 1007),
        ({"program": program, "source": "x"}, 1008),
    ]:
        seq = session.launch_only(**arguments)
        answer = session.expect(Response("launch", success=False, seq=seq))
        assert answer["body"]["error"]["id"] == number
        assert session.refused("threads").number == 4001
    session.launch(program=program)
    session.stopped("entry")


def test_a_failed_launch_forgets_that_it_was_configured(tcp, pipe):
    seq = tcp.begin_launch(source=DATES[0], model="odd:unloadable")
    tcp.send("configurationDone")
    refusal = tcp.answer(seq)
    assert refusal["body"]["error"]["id"] == 2007
    assert refusal["body"]["error"]["format"] == text_with("odd:unloadable", "OSError", "another planet")
    again = tcp.begin_launch(source=DATES[0], stopOnEntry=False)
    assert tcp.answer(again)["success"]
    tcp.request("setBreakpoints", source={"sourceReference": 1}, breakpoints=[{"line": 1}])
    tcp.request("configurationDone")
    tcp.stopped("breakpoint")


def at_line(program, **extra):
    """Breakpoints on the first line, with more to them than their place."""
    return {"source": {"path": program}, "breakpoints": [{"line": 1, **extra}]}


def test_capabilities_are_kept(session, program):
    capabilities = session.initialize()
    promised = {
        "supportsConfigurationDoneRequest": ("configurationDone", {}),
        "supportsRestartRequest": ("restart", {}),
        "supportsTerminateRequest": ("terminate", {}),
        "supportsCancelRequest": ("cancel", {}),
        "supportsBreakpointLocationsRequest": (
            "breakpointLocations",
            {"source": {"path": program}, "line": 1},
        ),
        "supportsFunctionBreakpoints": ("setFunctionBreakpoints", {"breakpoints": []}),
        "supportsConditionalBreakpoints": ("setBreakpoints", at_line(program, condition="step > 1000")),
        "supportsHitConditionalBreakpoints": ("setBreakpoints", at_line(program, hitCondition=">1000")),
        "supportsLogPoints": ("setBreakpoints", at_line(program, logMessage="{line}")),
        "supportsDataBreakpoints": (
            "setDataBreakpoints",
            {"breakpoints": [{"dataId": "focus", "condition": "step > 1000"}]},
        ),
        "supportsGotoTargetsRequest": ("gotoTargets", {"source": {"path": program}, "line": 1}),
        "supportsRestartFrame": ("restartFrame", None),
        "supportsSetExpression": ("setExpression", {"expression": "token", "value": "2"}),
        "supportsExceptionFilterOptions": (
            "setExceptionBreakpoints",
            {"filters": [], "filterOptions": [{"filterId": "lowConfidence", "condition": "p < 0.1"}]},
        ),
        "supportsSteppingGranularity": ("next", {"threadId": 1, "granularity": "instruction"}),
        "supportsStepBack": ("stepBack", {"threadId": 1}),
        "supportsDelayedStackTraceLoading": ("stackTrace", {"threadId": 1, "startFrame": 0, "levels": 1}),
        "supportsSetVariable": ("setVariable", None),
        "supportsEvaluateForHovers": ("evaluate", {"expression": "step", "context": "hover"}),
        "supportsClipboardContext": ("evaluate", {"expression": "step", "context": "clipboard"}),
        "supportsCompletionsRequest": ("completions", {"text": "p", "column": 2}),
        "supportsExceptionInfoRequest": ("exceptionInfo", None),
        "supportsLoadedSourcesRequest": ("loadedSources", {}),
        "supportsReadMemoryRequest": ("readMemory", {"count": 8}),
        "supportsWriteMemoryRequest": ("writeMemory", {"data": "AAAAAA=="}),
    }
    flags = {name for name, value in capabilities.items() if value is True}
    assert flags <= promised.keys(), f"promised and not tried here: {flags - promised.keys()}"
    session.launch(program=program)
    session.stopped("entry")
    last = ("supportsRestartRequest", "supportsTerminateRequest", "supportsConfigurationDoneRequest")
    for name in sorted(flags, key=lambda flag: (flag in last, flag)):
        command, arguments = promised[name]
        if name == "supportsSetVariable":
            session.go("next")
            reference = session.scopes()["Prediction"]
            arguments = {"variablesReference": reference, "name": "token", "value": "2"}
        if name == "supportsExceptionInfoRequest":
            assert session.refused(command, threadId=session.thread).number == 4010
            continue
        if command.endswith("Memory"):
            session.go("next")
            reference = session.scope("Decoder")["state"]["memoryReference"]
            arguments = {**arguments, "memoryReference": reference}
        if command in ("stepBack", "setExpression"):
            session.go("next")
        if command == "restartFrame":
            session.go("next")
            arguments = {"frameId": session.frames()[0]["id"]}
        if "threadId" in (arguments or {}):
            arguments = {**arguments, "threadId": session.thread}
        before = len(session.events("stopped"))
        session.request(command, arguments)
        if command in ("next", "stepBack", "restart", "restartFrame"):
            session.stopped()
            assert len(session.events("stopped")) > before
