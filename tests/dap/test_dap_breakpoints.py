"""Breakpoints over the protocol: placed, moved or refused with the reason, met, and changed on the way."""

import pytest
from dap_patterns import Event, Response, containing, text_with
from dap_programs import DATES, write
from models.hf_tiny import folder_of

PARTY = "\N{PARTY POPPER} March 3, 1999"
"""The first character is two columns wide in the protocol."""


def source_of(session):
    return session.request("loadedSources")["sources"][0]


def on_lines(session, *asked):
    placed = session.request("setBreakpoints", source=source_of(session), breakpoints=list(asked))
    return placed["breakpoints"]


def on_stages(session, *asked):
    return session.request("setFunctionBreakpoints", breakpoints=list(asked))["breakpoints"]


def on_values(session, *asked):
    return session.request("setDataBreakpoints", breakpoints=list(asked))["breakpoints"]


def where(session):
    return int(session.value("step")), session.value("stage").strip("'")


def test_every_kind_of_breakpoint(session):
    seq = session.begin_launch(source=DATES[0], stopOnEntry=False)
    step, token, told = on_lines(
        session,
        {"line": 1, "condition": "step == 2"},
        {"line": 1, "column": 7},
        {"line": 1, "condition": "step < 2", "logMessage": "{step}: {token} {p:.1f}"},
    )
    (stage,) = on_stages(session, {"name": "prediction@5", "condition": 'best == "0"'})
    (value,) = on_values(session, {"dataId": "focus", "hitCondition": "=3"})
    placed = (step, token, told, stage, value)
    assert all(each["verified"] for each in placed), placed
    assert len({each["id"] for each in placed}) == 5
    session.finish_launch(seq)
    met = []
    stop = session.stopped()
    for _ in range(4):
        met.append((stop["reason"], stop["hitBreakpointIds"], *where(session)))
        if len(met) < 4:
            stop = session.go("continue")
    assert met == [
        ("breakpoint", [step["id"]], 2, "search"),
        ("data breakpoint", [value["id"]], 3, "search"),
        ("function breakpoint", [stage["id"]], 5, "prediction"),
        ("breakpoint", [token["id"]], 8, "search"),
    ]
    assert stop["text"] == text_with("'3' is the most attended, with")
    assert session.run_to_end() == ["1999-03-03"]
    said = [each for each in session.events("output") if each.get("output", "")[:3] in ("0: ", "1: ")]
    assert [each["output"].rstrip("\n") for each in said] == ["0: 1 1.0", "1: 9 1.0"]
    assert all((each["category"], each["line"]) == ("console", 1) for each in said)


# ---------------------------------------------------------------- lines and columns


def test_columns_placed_before_the_model_is_there_are_placed_again_after(tcp, tmp_path, pipe):
    program = write(tmp_path, f"{PARTY}\n\n{DATES[0]}\n", "party.txt")
    seq = tcp.begin_launch(program=program, model=f"odd:loads-when={pipe}")
    fine, inside, moved, past = on_lines(
        tcp,
        {"line": 1, "column": 10},
        {"line": 1, "column": 2},
        {"line": 2, "column": 5},
        {"line": 1, "column": 99},
    )
    assert fine == containing(verified=True, line=1, column=10)
    assert inside == containing(verified=True, line=1, column=2)
    assert moved == containing(verified=True, line=3, column=1, message=text_with("moved", "sentence"))
    assert past == containing(verified=True, line=1, column=99)
    pipe.open()
    tcp.finish_launch(seq)
    changed = containing(id=inside["id"], verified=True, line=1, column=1)
    refused = containing(id=past["id"], verified=False, message=text_with("S2S4306", "column 99"))
    tcp.expect(
        (Event("breakpoint", reason="changed", breakpoint=changed)
         & Event("breakpoint", reason="changed", breakpoint=refused))
        >> Event("stopped", reason="entry")
    )  # fmt: skip
    assert {each["breakpoint"]["id"] for each in tcp.events("breakpoint")} == {inside["id"], past["id"]}
    stop = tcp.go("continue")
    assert stop["reason"] == "breakpoint"
    assert set(stop["hitBreakpointIds"]) <= {fine["id"], inside["id"]}


def test_the_places_of_breakpoints_are_the_tokens_of_a_line(tcp, tmp_path):
    program = write(tmp_path, f"{PARTY}\n{DATES[0]}\n", "party.txt")
    tcp.launch(program=program)
    tcp.stopped("entry")
    asked = {"source": {"path": program}, "line": 1}
    found = tcp.request("breakpointLocations", endLine=2, **asked)["breakpoints"]
    assert [each for each in found if "column" not in each] == [{"line": 1}, {"line": 2}]
    tokens = [each for each in found if "column" in each]
    assert tokens[0] == {"line": 1, "column": 1, "endLine": 1, "endColumn": 3}
    assert tokens[8] == {"line": 1, "column": 10, "endLine": 1, "endColumn": 11}
    assert len(tokens) == len(PARTY)
    for each in tokens:
        (placed,) = on_lines(tcp, {"line": each["line"], "column": each["column"]})
        assert placed == containing(verified=True, line=1, column=each["column"])
        assert "message" not in placed


def test_columns_as_a_client_counts_that_begins_at_0(tcp):
    tcp.initialize(linesStartAt1=False, columnsStartAt1=False)
    tcp.launch(source=PARTY)
    tcp.stopped("entry")
    (placed,) = on_lines(tcp, {"line": 0, "column": 1})
    assert placed == containing(verified=True, line=0, column=0)


def test_a_column_needs_attention(tcp, plain_model):
    tcp.launch(source="abc", model=plain_model)
    tcp.stopped("entry")
    (placed,) = on_lines(tcp, {"line": 1, "column": 2})
    assert placed == containing(verified=False, message=text_with("S2S4302", "attention"))
    locations = tcp.request("breakpointLocations", source=source_of(tcp), line=1)["breakpoints"]
    assert locations == [{"line": 1}]


# ---------------------------------------------------------------- what is refused


def test_what_is_wrong_with_a_breakpoint_is_said_and_the_others_stand(tcp):
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    refused = {
        "S2S4201": {"condition": "p <"},
        "S2S4202": {"condition": "tokn == 'x'"},
        "S2S4304": {"hitCondition": "often"},
        "S2S4306": {"column": 99},
    }
    *wrong, fine = on_lines(tcp, *({"line": 1, **each} for each in refused.values()), {"line": 1})
    for number, each in zip(refused, wrong, strict=True):
        assert each == containing(verified=False, message=text_with(number))
    assert fine == containing(verified=True)
    (message,) = on_lines(tcp, {"line": 1, "logMessage": "a {tokn}"})
    assert message == containing(verified=False, message=text_with("S2S4202", "Column 4"))

    stages = {
        "atention": "S2S4301",
        "attention:L1": "S2S4305",
        "decoder:L0": "S2S4305",
        "encoder@2": "S2S4305",
        'prediction:"no such"': "S2S4103",
        "prediction@": "S2S4305",
    }
    for (name, number), placed in zip(
        stages.items(), on_stages(tcp, *({"name": each} for each in stages)), strict=True
    ):
        assert placed == containing(verified=False, message=text_with(number)), name

    wrong, counted, fine = on_values(
        tcp, {"dataId": "focos"}, {"dataId": "focus", "hitCondition": "%0"}, {"dataId": "best hypothesis"}
    )
    assert wrong == containing(verified=False, message=text_with("S2S4202", "focus"))
    assert counted == containing(verified=False, message=text_with("S2S4304"))
    assert fine == containing(verified=True)


# ---------------------------------------------------------------- values


def test_what_to_watch_is_found_in_the_variables_and_by_name(tcp):
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    tcp.go("next")
    prediction = tcp.scopes()["Prediction"]
    row = tcp.variables(prediction)["p"]
    info = tcp.request("dataBreakpointInfo", variablesReference=prediction, name="p")
    assert info == containing(
        dataId=row["evaluateName"], accessTypes=["write"], description=text_with("changes from a step")
    )
    assert tcp.request("dataBreakpointInfo", name='rank_of("9")')["dataId"] == 'rank_of("9")'
    unknown = tcp.request("dataBreakpointInfo", name="focos")
    assert (unknown["dataId"], unknown["description"]) == (None, text_with("S2S4202", "focus"))
    unwatchable = tcp.request("dataBreakpointInfo", variablesReference=tcp.scopes()["Settings"], name="model")
    assert (unwatchable["dataId"], unwatchable["description"]) == (None, text_with("S2S4307", "model"))

    (placed,) = on_values(tcp, {"dataId": 'rank_of("9")'})
    stop = tcp.go("continue")
    assert (stop["reason"], stop["hitBreakpointIds"]) == ("data breakpoint", [placed["id"]])
    assert stop["text"] == text_with('rank_of("9") was ', ", now 0")
    assert where(tcp) == (1, "search")


# ---------------------------------------------------------------- rules and failures


def test_the_rules_are_offered_as_filters(tcp, plain_model):
    tcp.initialize()
    filters = {each["filter"]: each for each in tcp.capabilities["exceptionBreakpointFilters"]}
    assert filters["modelError"]["default"] is True
    assert not any(each.get("default") for name, each in filters.items() if name != "modelError")
    assert filters["repetition"] == containing(
        supportsCondition=True, conditionDescription=text_with("repeats >= 4"), description=text_with(".")
    )
    tcp.launch(source="abc", model=plain_model)
    tcp.expect(Event("capabilities"))
    offered = tcp.events("capabilities")[-1]["capabilities"]["exceptionBreakpointFilters"]
    lacking = set(filters) - {each["filter"] for each in offered}
    assert lacking == {"attentionCollapse", "attentionOnEnd", "uncoveredSource"}
    assert tcp.stopped("entry")


def test_exception_info_tells_the_numbers_and_what_to_look_at(tcp):
    seq = tcp.begin_launch(source=DATES[0], reference="1999-04-03", stopOnEntry=False)
    tcp.request(
        "setExceptionBreakpoints",
        filters=["referencePruned"],
        filterOptions=[{"filterId": "lowConfidence", "condition": "  "}],
    )
    tcp.finish_launch(seq)
    stop = tcp.stopped("exception")
    info = tcp.request("exceptionInfo", threadId=stop["threadId"])
    assert where(tcp) == (6, "search")
    assert info["exceptionId"] == "referencePruned"
    rank = tcp.value('rank_of("4")')
    assert info["details"]["message"] == text_with(
        "'3': p = ", "rank 0", "entropy", "reference_token = '4'", f"reference_rank = {rank}", "likeliest:",
        "1. '3' p = ", "s2s/reference",
    )  # fmt: skip
    assert tcp.run_to_end() == ["1999-03-03"]


def test_failures_of_the_model_stop_only_where_their_filter_is_on(tcp):
    seq = tcp.begin_launch(source="\n".join(DATES[:2]), model="odd:broken", stopOnEntry=False)
    on, conditioned = tcp.request(
        "setExceptionBreakpoints",
        filters=["modelError"],
        filterOptions=[{"filterId": "modelError", "condition": "p < 1"}],
    )["breakpoints"]
    assert on == containing(verified=True)
    assert conditioned == containing(verified=False, message=text_with("S2S4308"))
    tcp.request("setExceptionBreakpoints", filters=[])
    tcp.finish_launch(seq)
    tcp.expect(Event("terminated"))
    assert tcp.events("stopped") == []
    first, second = tcp.request("s2s/results")["results"]
    assert first["error"] == text_with("S2S2007", "no third step for me")
    assert second["outputs"]


# ---------------------------------------------------------------- while it runs, and once more


def test_what_is_set_while_the_model_computes_holds_from_that_step_on(connect, pipe):
    with connect("stdio") as session:
        session.launch(source=DATES[0], model=f"odd:steps-when={pipe}")
        session.stopped("entry")
        seq = session.send("continue", {"threadId": session.thread})
        session.expect(Response("continue", seq=seq))
        (step,) = on_lines(session, {"line": 1, "condition": "step >= 0"})
        assert step["verified"] is True
        assert len(session.events("stopped")) == 1, "the model still computes"
        pipe.open()
        stop = session.stopped("breakpoint")
        assert stop["hitBreakpointIds"] == [step["id"]]
        assert where(session) == (0, "search")


def test_breakpoints_set_in_a_run_through_a_corpus_stop_it(tcp, corpus):
    tcp.launch(program=corpus, stopOnEntry=False)
    tcp.expect(Event("s2s/result", sentence=3))
    (stage,) = on_stages(tcp, {"name": "attention:L0.H0@4"})
    stop = tcp.stopped("function breakpoint")
    assert stop["hitBreakpointIds"] == [stage["id"]]
    assert stop["text"] == text_with("attention:L0.H0@4: focus ")
    assert where(tcp) == (4, "attention")


def test_a_restart_counts_from_the_start(tcp):
    seq = tcp.begin_launch(source=DATES[0], stopOnEntry=False)
    on_stages(tcp, {"name": "prediction", "hitCondition": "=3"})
    tcp.finish_launch(seq)
    tcp.stopped("function breakpoint")
    assert where(tcp) == (2, "prediction")
    tcp.request("restart")
    tcp.stopped("function breakpoint")
    assert where(tcp) == (2, "prediction")
    tcp.run_to_end()


# ---------------------------------------------------------------- a Hugging Face model


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_a_hugging_face_model_has_its_layers_heads_and_tokens(tcp):
    text = "the cat sat on the mat"
    model = f"hf:{folder_of('marian')}"
    seq = tcp.begin_launch(source=text, model=model, generation={"max_new_tokens": 5})
    known, layer, head = on_stages(
        tcp, {"name": "attention:L1.H3@1"}, {"name": "attention:L2"}, {"name": "attention:L0.H4"}
    )
    assert all(each["verified"] for each in (known, layer, head)), "the model is not known yet"
    tcp.finish_launch(seq)
    stop = tcp.stopped("entry")
    changed = {each["breakpoint"]["id"]: each["breakpoint"] for each in tcp.events("breakpoint")}
    assert changed == {
        layer["id"]: containing(verified=False, message=text_with("S2S4305", "2 layers")),
        head["id"]: containing(verified=False, message=text_with("S2S4305", "4 heads")),
    }
    stop = tcp.go("continue")
    assert (stop["reason"], stop["hitBreakpointIds"]) == ("function breakpoint", [known["id"]])
    focus = tcp.value("argmax(attention_at(1, 3))")
    weight = float(tcp.value("max(attention_at(1, 3))"))
    assert stop["text"] == f"attention:L1.H3@1: focus {focus}, weight {weight:.3f}"

    locations = tcp.request("breakpointLocations", source=source_of(tcp), line=1)["breakpoints"]
    tokens = [(each["column"], each["endColumn"]) for each in locations if "column" in each]
    assert "".join(text[start - 1 : end - 1] for start, end in tokens).replace(" ", "") == text.replace(
        " ", ""
    )
    between = 0
    for column in range(1, len(text) + 1):
        (placed,) = on_lines(tcp, {"line": 1, "column": column})
        inside = [start for start, end in tokens if start <= column < end]
        after = [start for start, _ in tokens if start > column]
        assert placed == containing(verified=True, column=(inside or after)[0])
        assert placed.get("message") == (None if inside else "moved to the next source token")
        between += not inside
    assert between, "a blank that is of no token"


def test_a_placed_breakpoint_names_its_file_and_no_text_without_one(tcp, program):
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    answer = tcp.request(
        "setBreakpoints", source={"name": "source", "sourceReference": 1}, breakpoints=[{"line": 1}]
    )
    assert answer["breakpoints"][0]["verified"]
    assert "source" not in answer["breakpoints"][0]
    tcp.request("restart", arguments={"program": program})
    tcp.stopped()
    answer = tcp.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": 1}])
    assert answer["breakpoints"][0]["source"]["path"] == program
