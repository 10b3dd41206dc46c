"""Where a run stops: sentences, stages, watch rules, pauses and failures of the model."""

from dap_patterns import Event, Response, containing, text_with
from dap_programs import DATES, write

DOUBTFUL = "Ides of March 2044"


def place(session, program, *lines, **extras):
    asked = [{"line": line, **extras} for line in lines]
    return session.request("setBreakpoints", source={"path": program}, breakpoints=asked)["breakpoints"]


def test_line_breakpoints_are_placed_before_the_model_is_there(session, program, tmp_path):
    seq = session.begin_launch(program=program)
    there, moved, past = place(session, program, 1, 3, 5)
    assert (there["verified"], there["line"]) == (True, 1)
    assert (moved["verified"], moved["line"]) == (True, 4)
    assert past == containing(verified=False, line=5, message=text_with("S2S4303", "after line 5"))
    assert len({each["id"] for each in (there, moved, past)}) == 3

    (other,) = place(session, write(tmp_path, "x\n", "other.txt"), 1)
    assert other == containing(verified=False, message=text_with("S2S4008", "other.txt"))

    locations = session.request("breakpointLocations", source={"path": program}, line=1, endLine=9)
    # Words get places of their own as soon as the model is there, which may be by now.
    assert [each["line"] for each in locations["breakpoints"] if "column" not in each] == [1, 2, 4]

    session.finish_launch(seq)
    assert session.stopped("breakpoint")["hitBreakpointIds"] == [there["id"]]
    assert session.go("continue")["hitBreakpointIds"] == [moved["id"]]


def test_breakpoints_are_replaced_and_taken_away(session, program):
    session.launch(program=program)
    session.stopped("entry")
    place(session, program, 2, 4)
    place(session, program, 4)
    session.go("continue")
    assert session.frames()[0]["line"] == 4
    session.request("setBreakpoints", source={"path": program}, lines=[1, 2])
    assert session.request("setBreakpoints", source={"path": program}) == {"breakpoints": []}
    session.run_to_end()


def test_breakpoints_of_an_inline_program(session):
    seq = session.begin_launch(source="\n".join(DATES), stopOnEntry=False)
    source = session.request("loadedSources")["sources"][0]
    asked = session.request("setBreakpoints", source=source, breakpoints=[{"line": 2}])
    assert asked["breakpoints"][0]["verified"] is True
    session.finish_launch(seq)
    session.stopped("breakpoint")
    assert session.frames()[0]["source"] == source


def test_stage_breakpoints(session):
    seq = session.begin_launch(source=DATES[0], stopOnEntry=False)
    found, unknown = session.request(
        "setFunctionBreakpoints", breakpoints=[{"name": " Attention"}, {"name": "atention"}]
    )["breakpoints"]
    assert found["verified"] is True
    assert unknown == containing(verified=False, message=text_with("S2S4301", "atention", "attention"))
    (refused,) = session.request(
        "setFunctionBreakpoints", breakpoints=[{"name": "search", "condition": "step >"}]
    )["breakpoints"]
    assert refused == containing(verified=False, message=text_with("S2S4201"))
    (armed,) = session.request("setFunctionBreakpoints", breakpoints=[{"name": "attention"}])["breakpoints"]
    session.finish_launch(seq)
    for step in range(2):
        stop = session.stopped("function breakpoint") if step == 0 else session.go("continue")
        assert stop["hitBreakpointIds"] == [armed["id"]]
        assert session.value("stage") == "'attention'"
        assert session.value("step") == str(step)


def test_a_stage_that_the_model_lacks_is_told_once_it_is_known(tcp, plain_model, pipe):
    seq = tcp.begin_launch(source="abc", model=f"odd:loads-when={pipe}>{plain_model}")
    (asked,) = tcp.request("setFunctionBreakpoints", breakpoints=[{"name": "attention"}])["breakpoints"]
    assert asked["verified"] is True
    pipe.open()
    tcp.finish_launch(seq)
    changed = containing(id=asked["id"], verified=False, message=text_with("S2S4301", "decoder"))
    tcp.expect(Event("breakpoint", reason="changed", breakpoint=changed) >> Event("stopped"))


def test_low_confidence(session):
    seq = session.begin_launch(source=DOUBTFUL, stopOnEntry=False)
    assert session.capabilities["exceptionBreakpointFilters"][0]["filter"] == "lowConfidence"
    options = [{"filterId": "lowConfidence", "condition": "p < 0.99"}]
    (armed,) = session.request("setExceptionBreakpoints", filters=[], filterOptions=options)["breakpoints"]
    assert armed["verified"] is True
    session.finish_launch(seq)
    stop = session.stopped("exception")
    assert stop["description"] == "Watch rule lowConfidence"
    assert stop["text"] == text_with("p < 0.99", "has p =")
    found = session.request("exceptionInfo", threadId=stop["threadId"])
    assert (found["exceptionId"], found["breakMode"]) == ("lowConfidence", "always")
    assert found["details"]["message"] == text_with("rank", "entropy", "nats", "likeliest")
    assert float(session.value("p")) < 0.99

    session.request("setExceptionBreakpoints", filters=[])
    session.run_to_end()


def test_conditions_of_rules_that_cannot_be_read(session):
    session.begin_launch(source=DOUBTFUL)
    options = [
        {"filterId": "lowConfidence", "condition": condition}
        for condition in ("p < ", "q < 1", "__import__('os')", "p < 0.3")
    ]
    broken, unknown, forbidden, fine = session.request(
        "setExceptionBreakpoints", filters=["noSuchRule", "lowConfidence"], filterOptions=options
    )["breakpoints"][2:]
    assert broken == containing(verified=False, message=text_with("S2S4201", "Column 4"))
    assert unknown == containing(verified=False, message=text_with("S2S4202", "Column 1", "'q'"))
    assert forbidden == containing(verified=False, message=text_with("S2S4201"))
    assert fine == {"verified": True}


def test_rules_of_the_launch(session):
    session.launch(source=DOUBTFUL, stopOnEntry=False, watchRules=["lowConfidence(p < 2)"])
    assert session.stopped("exception")["text"] == text_with("p < 2")


def test_pause_and_what_is_answered_while_the_model_runs(session, corpus):
    session.launch(program=corpus, stopOnEntry=False)
    session.expect(Event("s2s/result", sentence=3))
    assert session.request("threads")["threads"]
    assert len(session.request("s2s/results")["results"]) > 3
    assert place(session, corpus, 19_999)[0]["verified"] is True
    assert session.request("completions", text="mar", column=4)["targets"]
    refusal = session.refused("stackTrace", threadId=1)
    assert (refusal.number, refusal.message) == (4003, "notStopped")
    seq = session.send("pause", {"threadId": 1})
    session.expect(Response("pause", seq=seq) >> Event("stopped", reason="pause"))
    assert session.frames()
    session.request("pause", threadId=1)
    assert session.go("next")["reason"] == "step"


def test_progress_of_a_run_and_its_cancelling(session, corpus):
    session.launch(program=corpus, stopOnEntry=False)
    begin, _ = session.expect(
        Event("progressStart", title="Decoding", cancellable=True)
        >> Event("progressUpdate", message=text_with("of 20000 sentences"))
    )
    progress = begin["body"]["progressId"]
    session.request("cancel", progressId=progress)
    session.expect(Event("progressEnd", progressId=progress) & Event("stopped", reason="pause"))


def test_no_progress_for_a_client_that_shows_none(tcp, corpus):
    tcp.initialize(supportsProgressReporting=False)
    tcp.launch(program=corpus, stopOnEntry=False)
    tcp.expect(Event("s2s/result", sentence=200))
    assert tcp.events("progressStart") == []


def test_a_model_that_fails_stops_and_the_next_sentence_goes_on(session):
    session.launch(source="\n".join(DATES), model="odd:broken", stopOnEntry=False)
    stop = session.stopped("exception")
    assert stop["text"] == text_with("S2S2007", "sentence 1", "RuntimeError: no third step for me")
    found = session.request("exceptionInfo", threadId=stop["threadId"])
    assert found["details"]["stackTrace"] == text_with("Traceback", "odd_models.py", "no third step for me")
    assert session.run_to_end()[0] == ""
    assert session.request("s2s/results")["results"][0]["error"] == text_with("S2S2007")


def test_what_a_model_prints_becomes_output(connect):
    for transport in ("stdio", "tcp"):
        with connect(transport) as session:
            session.launch(source="1", model="odd:talkative", stopOnEntry=False)
            session.expect(Event("output", category="stdout", output=text_with("step 1 said in Python")))
            session.expect(Event("terminated"))
            if transport == "stdio":
                said = "".join(each["output"] for each in session.events("output"))
                if "said below" not in said:
                    session.expect(
                        Event("output", category="stdout", output=text_with("said below Python: ñ"))
                    )
