"""All that stops a decode, row by row: over each transport, on a model of each kind."""

import json

import pytest
from dap_patterns import containing, text_with

from s2sdap.debugger.watch_rules import WATCH_RULES, Asked

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


def test_sentence_breakpoints_with_conditions_and_hit_counts(row):
    for asked, step in (
        ({"condition": "step == 2"}, 2),
        ({"condition": "step >= 1", "hitCondition": ">2"}, 3),
        ({"condition": "step >= 0", "hitCondition": "=4"}, 3),
        ({"condition": "step >= 0", "hitCondition": "%2"}, 1),
    ):
        row.home()
        row.set("setBreakpoints", {"line": 1, **asked})
        assert row.met() == ("breakpoint", 0, step, "search"), asked
    row.home()
    row.set("setBreakpoints", {"line": 2})
    assert row.met() == ("breakpoint", 1, -1, "encoder")


def test_a_log_message_is_written_and_stops_nothing(row):
    row.set(
        "setBreakpoints",
        {"line": 1, "condition": "step < 2", "logMessage": "{step}: {token} {p:.2f}"},
        {"line": 2},
    )
    before = len(row.session.events("output"))
    assert row.met()[1] == 1
    said = [each["output"] for each in row.session.events("output")[before:]]
    expected = [
        f"{at}: {each['token'].strip(chr(39))} {float(each['p']):.2f}\n"
        for at, each in enumerate(row.steps[:2])
    ]
    assert [each for each in said if each[:3] in ("0: ", "1: ")] == expected


def test_a_source_token_stops_when_it_becomes_the_most_attended_or_at_the_end(row):
    tokens = row.session.request("s2s/step")["source"]
    columns = {at: each["start"] + 1 for at, each in enumerate(tokens) if "start" in each}
    focus = [int(each["focus"]) for each in row.steps]
    seen = next(at for at in focus if at in columns)
    unseen = next(at for at in columns if at not in focus)
    first = focus.index(seen)
    for token, step in ((seen, first), (unseen, len(row.steps) - 1)):
        row.home()
        row.set("setBreakpoints", {"line": 1, "column": columns[token]})
        assert row.met() == ("breakpoint", 0, step, "search")


@pytest.mark.parametrize("stage", ["encoder", "decoder", "attention", "prediction", "search"])
def test_a_stage_stops_where_the_decode_comes_to_it(row, stage):
    row.set("setFunctionBreakpoints", {"name": stage})
    expected = (1, -1, stage) if stage == "encoder" else (0, 0, stage)  # the first encoder has been left
    assert row.met() == ("function breakpoint", *expected)


def test_a_stage_is_narrowed_to_step_layer_head_and_token(row):
    token = row.steps[2]["token"].strip("'")
    first = row.first(lambda now, _: now["token"].strip("'") == token)
    for asked, step, stage in (
        ({"name": "prediction@2"}, 2, "prediction"),
        ({"name": "attention:L0.H0@1"}, 1, "attention"),
        ({"name": f"search:{json.dumps(token)}"}, first, "search"),
        ({"name": "prediction", "condition": "step >= 1"}, 1, "prediction"),
        ({"name": "decoder", "hitCondition": "=4"}, 3, "decoder"),
    ):
        row.home()
        row.set("setFunctionBreakpoints", asked)
        assert row.met() == ("function breakpoint", 0, step, stage), asked


def test_data_breakpoints_stop_where_a_value_changes(row):
    token, piece = row.steps[1]["token"], row.steps[1]["token"].strip("'")
    watched = {
        "focus": lambda now: now["focus"],
        "len(tokens) > 3": lambda now: int(now["len(tokens)"]) > 3,
        f"token == {token}": lambda now: now["token"] == token,
        f"rank_of({json.dumps(piece)}) == 0": lambda now: now["token"] == token,
        f"prob({json.dumps(piece)}) == p": lambda now: now["token"] == token,
    }
    for written, value in watched.items():
        row.home()
        row.set("setDataBreakpoints", {"dataId": written})
        step = row.first(lambda now, before, value=value: before is not None and value(now) != value(before))
        assert row.met() == ("data breakpoint", 0, step, "search"), written


def test_what_cannot_be_placed_is_told_before_anything_runs(row):
    refused = row.session.request(
        "setFunctionBreakpoints", breakpoints=[{"name": "atention"}, {"name": "search", "condition": "p <"}]
    )["breakpoints"]
    assert refused == [
        containing(verified=False, message=text_with("S2S4301")),
        containing(verified=False, message=text_with("S2S4201", "Column")),
    ]


RULES = [rule for rule in WATCH_RULES if rule != "farFromTraining"]
"""That rule needs an index; `test_dap_neighbors` has it."""


def test_each_watch_rule_stops_under_an_edited_condition_with_its_numbers_and_advice(row):
    filters = {each["filter"] for each in row.session.capabilities["exceptionBreakpointFilters"]}
    assert set(RULES) < filters
    last = len(row.steps) - 1
    for name in RULES:
        rule = WATCH_RULES[name]
        condition, place = {
            Asked.STEP: ("step == 2", (0, 2, "search")),
            Asked.END: ("length >= 0", (0, last, "search")),
            Asked.SOURCE: ("sentence == 1", (1, -1, "encoder")),
        }[rule.asked]
        row.home()
        options = [{"filterId": name, "condition": condition}]
        (armed,) = row.session.request("setExceptionBreakpoints", filters=[], filterOptions=options)[
            "breakpoints"
        ]
        assert armed["verified"], armed
        assert row.met() == ("exception", *place), name
        info = row.session.request("exceptionInfo", threadId=row.session.thread)
        assert (info["exceptionId"], info["description"]) == (name, text_with(condition))
        assert info["details"]["message"] == text_with(*rule.numbers[:1], rule.advice)
        assert rule.id == "unknownSource" or "likeliest" in info["details"]["message"]


def test_the_language_of_expressions_is_evaluated_and_completed(row):
    row.session.go("next")
    row.session.go("next")
    now = row.steps[1]
    assert row.session.value("token") == now["token"]
    for written in (
        "p > 0 and p <= 1 and not (logp > 0)",
        "abs(p - exp(logp)) < 0.00001",
        f"step == 1 and token == {now['token']}",
        "abs(sum(attention) - 1) < 0.001 and attention[focus] == max(attention)",
        "len(tokens[0:1]) == 1 and rank >= 0 and margin >= 0 and entropy >= 0",
    ):
        assert row.session.value(written) == "True", written
    assert row.session.refused("evaluate", expression="p + tokn").text == text_with("Column 5")
    offered = row.session.request("completions", text="foc", column=4)["targets"]
    assert "focus" in [each["label"] for each in offered]
