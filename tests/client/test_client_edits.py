"""The verbs that edit, over a real adapter."""

import json
import math

import pytest

from s2sdap.client import Debugger, Refused, S2sdapError

DATE = "March 3, 1999"


@pytest.fixture(scope="module")
def debugger(served):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        debugger.launch(source=f"{DATE}\nMay 4, 2001", search={"beamSize": 3, "nBest": 3})
        for _ in range(3):
            debugger.next()
        yield debugger


@pytest.fixture(autouse=True)
def clean(debugger):
    debugger.command("switch 0")
    debugger.command("goto 2")


def test_each_verb_makes_its_edits(debugger):
    made = {
        "token '7'": lambda: debugger.force("7"),
        "token '2'": lambda: debugger.prefix("20"),
        "13 values of attention.weights[:][:]": lambda: debugger.attend({"March": 0.7, "1999": 0.2}),
        "13 values of attention.weights[0][0]": lambda: debugger.attend({"[4]": 0.5}, layer=0, head=0),
        "64 values of decoder.state": lambda: debugger.set_state([0.5] * 64),
        "64 values of attention.context": lambda: debugger.zero("attention.context"),
        "64 values of decoder.state ": lambda: debugger.copy_state(1),
        "64 values of encoder.states[3]": lambda: debugger.copy_state(
            site="encoder.states", index=[3], token=1
        ),
        "'7' banned": lambda: debugger.ban("7", "#9"),
        "'7' +2.5 nats": lambda: debugger.boost(12, 2.5),
        "pruned": lambda: debugger.prune(1),
        "revived with '7'": lambda: debugger.revive(1, "7"),
        "revived with": lambda: debugger.revive(candidate=4),
        "beamSize = 5": lambda: debugger.set_settings(beamSize=5),
        "the source reads 'June 3, 1999'": lambda: debugger.set_source("June 3, 1999"),
    }
    for told, verb in made.items():
        debugger.command("switch 0")
        debugger.command("goto 2")
        answer = verb()
        assert told.strip() in answer.edits[0]
        assert answer.branch == debugger.step().branch > 0
        assert [each.text for each in debugger.edits()] == answer.edits


MOVES = {
    "command": lambda debugger: debugger.command("goto 0"),
    "console": lambda debugger: debugger.evaluate("goto 0", context="repl"),
    "undo": lambda debugger: debugger.undo(),
    "undo in the console": lambda debugger: debugger.evaluate("undo", context="repl"),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_leads_elsewhere_is_a_stop_and_the_next_verb_goes_on_from_there(debugger, move):
    debugger.command("goto 0")
    edited = debugger.force("2").branch
    debugger.next()
    stop = debugger.stop
    MOVES[move](debugger)
    step = debugger.step()
    assert (step.step, step.branch) == (0, 0 if "undo" in move else edited)
    assert debugger.stop is not stop
    assert debugger.stop.hypothesis == step.hypothesis
    assert debugger.stop.reason == ("data breakpoint" if "undo" in move else "goto")
    assert (debugger.next().reason, debugger.step().step) == ("step", 1)


def test_what_leaves_the_cursor_in_its_place_is_no_other_stop(debugger):
    stop = debugger.stop
    answer = debugger.attend({"March": 0.7})
    assert not answer.moved
    assert debugger.stop == stop
    assert (debugger.next().reason, debugger.step().step) == ("step", 3)


def test_attention_answers_tell_the_rule(debugger):
    assert "sums to 1" in debugger.attend({"March": 0.7}).text
    assert "sums to 1" in debugger.command("attend March=0.7").text


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lambda debugger: debugger.edit_attention(0, math.nan), "cannot hold nan"),
        (lambda debugger: debugger.set_state([0.5] * 63 + [-math.inf]), "cannot hold -inf"),
        (lambda debugger: debugger.set_settings(lengthPenalty=math.inf), "cannot hold inf"),
        (lambda debugger: debugger.set_source("\ud800"), r"'\\ud800' is half of a character"),
        (lambda debugger: debugger.attend({}), "no word of the source is named"),
    ],
)
def test_what_is_no_number_no_text_or_nothing_is_refused_in_words(debugger, verb, said):
    before = debugger.step()
    with pytest.raises(S2sdapError, match=said):
        verb(debugger)
    assert debugger.step() == before


def test_edits_go_through_a_file(debugger, tmp_path):
    debugger.attend({"March": 0.5})
    debugger.ban("7")
    edits = debugger.edits()
    path = tmp_path / "edits.json"
    text = debugger.export_edits(path)
    assert path.read_text(encoding="utf-8") == text
    assert json.loads(text)["source"] == DATE
    debugger.force("2")
    answer = debugger.import_edits(path)
    assert answer.warnings == []
    assert debugger.edits() == edits
    changed = text.replace(DATE, "May 1")
    with pytest.raises(Refused, match="made for the source 'May 1'"):
        debugger.import_text(changed)
    assert "made for the source 'May 1'" in debugger.import_text(changed, anyway=True).warnings[0]


def test_a_list_of_edits_is_one_thing_to_undo(debugger):
    debugger.force("2")
    debugger.ban("7")
    plain = [each.edit for each in debugger.edits()]
    debugger.command("switch 0")
    debugger.apply_edits(plain)
    assert [each.edit for each in debugger.edits()] == plain
    debugger.command("undo")
    assert debugger.edits() == []
    debugger.command("redo")
    debugger.remove_edit(1)
    assert [each.edit for each in debugger.edits()] == plain[1:]


def test_what_is_refused_changes_nothing(debugger, tmp_path):
    debugger.force("2")
    before = debugger.edits()
    for verb in (
        lambda: debugger.command("attend nix=0.5"),
        lambda: debugger.attend({"March": 0.7, "1999": 0.7}),
        lambda: debugger.prune(77),
        lambda: debugger.remove_edit(9),
        lambda: debugger.set_settings(beamSize=-1),
        lambda: debugger.set_source(""),
        lambda: debugger.set_expression("p", "0.5"),
    ):
        with pytest.raises(Refused):
            verb()
    with pytest.raises(S2sdapError, match="S2S1010"):
        debugger.import_edits(tmp_path / "none.json")
    with pytest.raises(S2sdapError, match="S2S1010"):
        debugger.export_edits(tmp_path / "no" / "folder")
    assert debugger.edits() == before


def test_an_expression_is_set(debugger):
    assert debugger.set_expression("attention[4]", "0.75").value == "0.75"
    assert debugger.evaluate("focus").result == "4"
    assert debugger.set_expression("state[5]", "0.25").value == "0.25"
    assert debugger.evaluate("state[5]").result == "0.25"
