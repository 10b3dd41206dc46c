"""Travel, comparison, verdict, edits and export, row by row: over each transport, on a model of each kind.

What becomes of the numbers is tested elsewhere, bit for bit.
"""

import json
from functools import cache

import pytest
from dap_doors import back, eldest, fresh
from dap_rows import families
from test_dap_edit_doors import KINDS, STEP

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.models.loading import load_model

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


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
