"""All that a debugger does to a decode, row by row: over each transport, on a model of each kind.

One session each serves all rows. What a row has to stop at is told by the steps of a walk through the first
sentence, in which nothing was set. What becomes of the numbers is tested elsewhere, bit for bit.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from dap_doors import back, eldest, fresh
from dap_patterns import containing, text_with
from dap_programs import TRANSPORTS
from harness import DebugSession
from models.hf_tiny import folder_of
from test_dap_edit_doors import HF_KINDS, KINDS, STEP

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.debugger.watch_rules import WATCH_RULES, Asked
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


@dataclass(frozen=True)
class Family:
    """A model, three sentences with references, and a greedy search and one with a beam.

    In the second of the recurrent model one hypothesis of the beam overtakes another.
    """

    model: str
    lines: tuple[str, str, str]
    references: tuple[str, str, str]
    greedy: dict[str, Any]
    beam: dict[str, Any]
    settings: Settings
    edits: dict[str, tuple[Any, ...]]
    """Each kind of edit with its doors."""


@cache
def families():
    """By name; a folder of the second is made when it is first asked for."""
    return {
        "recurrent": Family(
            "dates",
            ("March 3, 1999", "Sonntag", "24. Okt"),
            ("1999-03-04", "2001-05-14", "2000-10-24"),
            {},
            {"search": {"beamSize": 3, "nBest": 3}},
            SearchSettings(beam_size=3, n_best=3),
            KINDS,
        ),
        "hugging face": Family(
            f"hf:{folder_of('marian')}",
            ("the cat sat on the mat", "the dog", "the mat"),
            ("the cat", "the dog", "the mat"),
            {"generation": {"max_new_tokens": 6}},
            {"generation": {"max_new_tokens": 6, "num_beams": 3}},
            GenerationSettings(given={"max_new_tokens": 6, "num_beams": 3}),
            HF_KINDS,
        ),
    }


TOLD = ("token", "p", "entropy", "margin", "focus", "len(tokens)")


@dataclass
class Driven:
    """A session, and what each step of its first sentence is."""

    session: DebugSession
    family: Family
    steps: list[dict[str, str]]

    def home(self):
        """Back to the beginning, with nothing set and nothing edited."""
        session = self.session
        session.request("setBreakpoints", source=self.source, breakpoints=[])
        session.request("setFunctionBreakpoints", breakpoints=[])
        session.request("setDataBreakpoints", breakpoints=[])
        session.request("setExceptionBreakpoints", filters=[])
        if self.place() != (0, -1, "encoder"):
            session.go("reverseContinue")
        if len(session.request("s2s/branches")["branches"]) > 1:
            session.request("s2s/switchBranch", branch=0)

    @property
    def source(self):
        return self.session.request("loadedSources")["sources"][0]

    def set(self, request, *asked):
        """Set breakpoints of a kind, all of which stand."""
        more = {"source": self.source} if request == "setBreakpoints" else {}
        placed = self.session.request(request, breakpoints=list(asked), **more)["breakpoints"]
        assert all(each["verified"] for each in placed), placed
        return placed

    def met(self, motion="continue"):
        """The next stop: its reason, and where it is."""
        stop = self.session.go(motion)
        return stop["reason"], *self.place()

    def place(self):
        told = (self.session.value(name) for name in ("sentence", "step", "stage"))
        sentence, step, stage = told
        return int(sentence), int(step), stage.strip("'")

    def first(self, holds):
        """The first step at which something holds of it and the step before (`None` at the first)."""
        return next(
            at for at, each in enumerate(self.steps) if holds(each, self.steps[at - 1] if at else None)
        )


def walked(session):
    """Step through the first sentence, and back to its beginning."""
    steps = []
    session.go("next")
    while session.value("sentence") == "0":
        steps.append({name: session.value(name) for name in TOLD})
        session.go("next")
    return steps


@pytest.fixture(
    scope="module",
    params=[(transport, name) for name in ("recurrent", "hugging face") for transport in TRANSPORTS],
    ids="-".join,
)
def driven(request, connect):
    """A session over a transport, on a model of a family."""
    transport, name = request.param
    family = families()[name]
    with connect(transport) as session:
        texts = {"source": "\n".join(family.lines), "reference": "\n".join(family.references)}
        session.launch(model=family.model, **texts, **family.greedy)
        session.stopped("entry")
        yield Driven(session, family, walked(session))


@pytest.fixture
def row(driven):
    driven.home()
    return driven


# ---------------------------------------------------------------- breakpoints


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


# ---------------------------------------------------------------- time travel


def test_steps_go_back_and_a_run_stops_at_breakpoints_on_its_way_back(row):
    row.set("setBreakpoints", {"line": 1, "condition": "step == 3"})
    assert row.met()[1:] == (0, 3, "search")
    assert row.met("next")[1:3] == (0, 4)
    assert row.met("reverseContinue") == ("breakpoint", 0, 3, "search")
    assert row.met("stepBack") == ("step", 0, 2, "search")
    assert row.session.value("token") == row.steps[2]["token"]
    assert row.met("reverseContinue")[1:] == (0, -1, "encoder")


def test_frames_are_restarted_and_computed_steps_gone_to(row):
    for _ in range(4):
        row.session.go("next")
    row.session.go("restartFrame", frameId=row.session.frames()[1]["id"])
    assert row.place()[:2] == (0, 2)
    targets = row.session.request("gotoTargets", source=row.source, line=1)["targets"]
    row.session.go("goto", targetId=targets[2]["id"])
    assert row.place() == (0, 1, "search")
    assert row.session.value("token") == row.steps[1]["token"]


def test_a_branch_grows_from_an_edit_alone_and_is_named_switched_compared_and_dropped(row):
    session = row.session
    for _ in range(3):
        session.go("next")
    session.go("stepBack")
    session.go("next")
    known = session.request("s2s/branches")["branches"]
    assert len(known) == 1, "the record was replayed"
    session.request("s2s/edit", token=row.steps[0]["token"].strip("'"))
    other = session.request("s2s/branches")["branches"][-1]["id"]
    assert session.request("s2s/undo")["branch"] == 0
    assert session.value("token") == row.steps[2]["token"]
    assert session.request("s2s/redo")["branch"] == other
    session.request("s2s/nameBranch", branch=other, name="again")
    body = session.request("s2s/compare", left={"branch": 0}, right={"branch": other})
    assert (body["same"], body["divergence"]) == (False, 2)
    session.request("s2s/switchBranch", branch=0)
    named = session.request("s2s/branches")["branches"]
    assert [(each["id"], each.get("name")) for each in named[1:]] == [(other, "again")]
    assert len(session.request("s2s/dropBranch", branch=other)["branches"]) == 1


# ---------------------------------------------------------------- compare, verdict


def test_any_two_are_compared_from_their_first_divergence_on(row):
    row.session.go("next")
    family = row.family
    length = {"search": {"maxLength": 2}} if not family.greedy else {"generation": {"max_new_tokens": 2}}
    for right, same in (({"model": family.model}, True), (length, False), ({"reference": True}, False)):
        body = row.session.request("s2s/compare", left={}, right=right)
        assert body["same"] is same, right
        assert (body.get("divergence") is None) is same
    body = row.session.request("s2s/compare", left={}, right={"sentence": 1})
    assert body["right"]["source"] == family.lines[1]
    assert body["same"] is (body["left"]["output"] == body["right"]["output"])


def test_where_the_reference_went(row):
    row.session.go("next")
    body = row.session.request("s2s/reference")
    assert body["reference"] == row.family.references[0]
    assert body["outcome"] in ("pruned", "never")
    assert body["fall"]["step"] >= 0


def test_a_verdict_makes_its_experiments_on_every_stage(row):
    verdict = row.session.request("s2s/verdict", limit=60)
    made = {each["stage"] for each in (*verdict["experiments"], *verdict["absent"])}
    assert made == {"encoder", "decoder", "attention", "prediction", "search"}


# ---------------------------------------------------------------- with a beam: the best hypothesis, edits


@pytest.fixture(scope="module")
def beamed(driven):
    """The same session, begun again with a beam."""
    texts = {"source": "\n".join(driven.family.lines)}
    driven.session.request("restart", arguments={"model": driven.family.model, **texts, **driven.family.beam})
    driven.session.stopped("entry")
    return driven


def test_a_data_breakpoint_stops_where_another_hypothesis_is_the_best(beamed):
    session, overtaken = beamed.session, []
    for sentence in range(2):
        session.go("stepOut")
        led = [
            each["hypotheses"][0]["id"] for each in session.request("s2s/beam")["steps"]
        ]  # at its beginning
        overtaken += [(sentence, at) for at in range(1, len(led) - 1) if led[at] != led[at + 1]]
        session.go("next")
    assert overtaken == ([(1, 3)] if beamed.family.edits is KINDS else [])
    beamed.home()
    beamed.set("setDataBreakpoints", {"dataId": "best hypothesis"})
    beamed.set("setBreakpoints", {"line": 3})
    stops = [beamed.met() for _ in range(len(overtaken) + 1)]
    expected = [("data breakpoint", *each, "search") for each in overtaken]
    assert stops == [*expected, ("breakpoint", 2, -1, "encoder")]
    beamed.home()


@cache
def written(name, edits):
    """The outputs of a fresh run with a list of edits."""
    family = families()[name]
    plan, _, records = fresh(
        load_model(family.model), family.settings, from_plain(json.loads(edits)), family.lines[0]
    )
    best = plan.best(records[-1].after)
    return [(plan.model.target.text(each.tokens), each.final) for each in best]


BY_EVERY_DOOR = ("token", "words", "words of one head")
"""Kinds that go through the variables, an expression, the console and `s2s/edit` here; others go through one.
Every kind goes through every door in `test_dap_edit_doors`, in this process and bit for bit."""


def test_each_kind_of_edit_leads_to_the_outputs_of_a_fresh_run_with_it(beamed, request):
    session, family = beamed.session, beamed.family
    name = request.node.callspec.params["driven"][1]
    for _ in range(STEP + 1):
        session.go("next")
    for kind, doors in family.edits.items():
        for door in doors if kind in BY_EVERY_DOOR else doors[-1:]:
            back(session, STEP - 1)
            door(session)
            listed = [each["edit"] for each in session.request("s2s/edits")["edits"]]
            assert listed, kind
            session.go("stepOut", threadId=eldest(session))
            told = session.request("s2s/results")["results"][0]
            outputs = [(each["text"], each["final"]) for each in told["outputs"]]
            assert outputs == written(name, json.dumps(listed)), kind


# ---------------------------------------------------------------- export


def test_a_session_is_saved_opened_without_its_model_and_replayed(beamed, tmp_path):
    session, path = beamed.session, str(tmp_path / "session.s2s")
    before = session.request("s2s/results")["results"]
    assert session.request("s2s/save", path=path)["path"] == path
    session.request("restart", arguments={"session": path})
    session.stopped("entry")
    assert session.request("s2s/results")["results"] == before
    session.go("reverseContinue")
    session.go("next")
    assert beamed.place()[:2] == (0, 0)
    assert session.refused("s2s/edit", token="#5").number == 7109
    found = session.request("s2s/replay", {})
    assert (found["sameModel"], found["identical"]) == (True, True)
