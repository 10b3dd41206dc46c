"""The console's language: what is a command, what it means, and where a slip is pointed at."""

import contextlib
import math

import pytest
from driving import session_of
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tiny_models import rnn

from s2sdap.debugger.editing.commands import COMMANDS, Change, Order, command_word, help_text, read_command
from s2sdap.debugger.editing.completing import complete, quoted
from s2sdap.debugger.editing.finding import elsewhere
from s2sdap.debugger.editing.left_sides import NAMES, whole_place
from s2sdap.debugger.editing.places import RowPlace, SettingPlace, SourcePlace, TensorPlace, WeightPlace
from s2sdap.debugger.expressions import FUNCTIONS
from s2sdap.debugger.fields import FIELDS
from s2sdap.decoding.edits import (
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.vocabulary.errors import S2sdapError


def at_step_two():
    session = session_of(rnn(), "abcdh\nbad", beam_size=3, n_best=3, max_length=6)
    session.start()
    for _ in range(3):
        session.next()
    return session


@pytest.fixture(scope="module")
def session():
    return at_step_two()


def read(session, line):
    return read_command(line, session.frame, elsewhere(session.walk))


def meant(session, line):
    command = read(session, line)
    assert isinstance(command, Change)
    return command.edits


def test_each_command_makes_its_edits(session):
    find = session.model.target.find
    frame = session.frame
    mine = frame.before.id
    size = frame.site("decoder.state").numel()
    lived = [each.id for each in frame.record.before.live]
    cases = {
        "force z": (TokenEdit(2, mine, find("z")),),
        "force 'z'": (TokenEdit(2, mine, find("z")),),
        f"force #{find('z')}": (TokenEdit(2, mine, find("z")),),
        "token = z": (TokenEdit(2, mine, find("z")),),
        "prefix zy": (TokenEdit(0, 1, find("z")), TokenEdit(1, 1, find("y"))),
        'prefix ["z", y #4]': (TokenEdit(0, 1, find("z")), TokenEdit(1, 1, find("y")), TokenEdit(2, 1, 4)),
        "output = zy": (TokenEdit(0, 1, find("z")), TokenEdit(1, 1, find("y"))),
        "zero state": (SiteEdit(2, mine, "decoder.state", (0.0,) * size),),
        "state = 0": (SiteEdit(2, mine, "decoder.state", (0.0,) * size),),
        "state[1] = -0.5": (SiteEdit(2, mine, "decoder.state", (-0.5,), (1,)),),
        "encoder.states[1][2] = 3": (SiteEdit(-1, None, "encoder.states", (3.0,), (1, 2)),),
        'ban "z", y': (LogitEdit(2, mine, find("z"), -math.inf), LogitEdit(2, mine, find("y"), -math.inf)),
        "boost z 2.5 y -1": (LogitEdit(2, mine, find("z"), 2.5), LogitEdit(2, mine, find("y"), -1.0)),
        'logits["z"] = ban': (LogitEdit(2, mine, find("z"), -math.inf),),
        'logits["z"] = 4': (SiteEdit(2, mine, "prediction.logits", (4.0,), (find("z"),)),),
        f"prune {lived[0]}": (PruneEdit(2, lived[0]),),
        f"hypothesis[{lived[0]}] = pruned": (PruneEdit(2, lived[0]),),
        f"revive {lived[0]} 'z'": (ReviveEdit(2, lived[0], find("z")),),
        "set beamSize=4 lengthPenalty=0.6": (
            SettingEdit(2, "beamSize", 4), SettingEdit(2, "lengthPenalty", 0.6)
        ),
        "set stop=[1, 2] a='x y' b=true": (
            SettingEdit(2, "stop", (1, 2)), SettingEdit(2, "a", "x y"), SettingEdit(2, "b", True)
        ),
        "settings['beamSize'] = 4": (SettingEdit(2, "beamSize", 4),),
        "source neue Wörter hier": (SourceEdit("neue Wörter hier"),),
        "source in der Nacht": (SourceEdit("in der Nacht"),),
        "source = bad": (SourceEdit("bad"),),
        "source[1] = xx": (SourceEdit("axxcdh"),),
        'source["b"] = xx': (SourceEdit("axxcdh"),),
    }  # fmt: skip
    for line, edits in cases.items():
        assert meant(session, line) == edits, line


def test_a_candidate_is_revived_by_its_place(session):
    candidates = session.frame.record.candidates
    parent = session.frame.record.before.live[int(candidates.parent[5])].id
    expected = (ReviveEdit(2, parent, int(candidates.token[5])),)
    assert meant(session, "revive candidate 5") == expected
    assert meant(session, "candidates[5] = survived") == expected


def test_attention_by_words_and_numbers(session):
    (edit,) = meant(session, "attend a=0.5 [2]=0.5")
    assert (edit.site, edit.index, edit.values) == ("attention.weights", (None, None), (0.5, 0, 0.5, 0, 0))
    assert meant(session, "attention = a=0.5 [2]=0.5") == (edit,)
    assert meant(session, "attention: a=0.5, [2]=0.5") == (edit,)
    assert meant(session, "attend 1 0 1 0 0") == (edit,)
    (one,) = meant(session, "attention[2] = 1")
    assert one.values == (0, 0, 1, 0, 0)
    assert meant(session, 'attention["c"] = 1') == (one,)
    for line in ("attend L0.H0 c=1", "attention[L0.H0]: c=1", "attention[L0H0] = [0, 0, 1, 0, 0]"):
        assert meant(session, line)[0].index == (0, 0)


def test_numbers_are_copied_from_the_hypothesis_own_past(session):
    frame = session.frame
    node = next(each for each in frame.before.path() if each.step == 0)
    past = frame.records[0].sites["decoder.state"][node.row]
    (edit,) = meant(session, "copy state from step 0")
    assert edit.values == tuple(past.double().tolist())
    assert meant(session, "state = step 0") == (edit,)
    assert meant(session, "state = from sentence 0 step 0 hypothesis 1") == (edit,)
    (element,) = meant(session, "copy state[3] from step 0")
    assert (element.values, element.index) == ((edit.values[3],), (3,))
    (vector,) = meant(session, "states[1] = token 3")
    assert vector.values == tuple(frame.site("encoder.states")[3].double().tolist())
    (row,) = meant(session, "copy attention from step 0")
    assert row.values == pytest.approx(frame.records[0].sites["attention.weights"][node.row, 0, 0].tolist())


def test_numbers_are_copied_from_another_sentence():
    session = at_step_two()
    while session.cursor.sentence == 0:
        session.next()
    session.next()
    session.next()
    (edit,) = meant(session, "copy state from sentence 0 step 1")
    earlier = session.walk.timeline_of(0)
    best = next(each for each in earlier.branch.plan.best(earlier.branch.tip)[0].path() if each.step == 1)
    state = earlier.branch.records[1].sites["decoder.state"][best.row]
    assert edit.values == tuple(state.double().tolist())
    assert edit.step == session.cursor.step
    (vector,) = meant(session, "states[1] = sentence 0 token 4")
    assert vector.values == tuple(earlier.branch.encoder.sites["encoder.states"][4].double().tolist())
    with pytest.raises(S2sdapError, match="its shape is"):
        read(session, "copy encoder.states from sentence 0")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("undo", Order("undo")),
        (" edits ", Order("edits")),
        ("remove 2", Order("remove", 2)),
        ("switch 1", Order("switch", 1)),
        ("goto 3", Order("goto", 3)),
        ("help ban", Order("help", None, "ban")),
    ],
)
def test_orders(session, line, command):
    assert read(session, line) == command


@pytest.mark.parametrize(
    "line",
    ["token", "source", "copy", "copy > 0.5", "source[1]", "source == tokens", "source in tokens", "p > 0.5",
     "output == 'x'", "", "attention[0] >= 0.5", "state[0] != 1", "force(1)", "tokens", "x" * 3_000_000],
)  # fmt: skip
def test_what_is_no_command(session, line):
    assert command_word(line) is None
    with pytest.raises(S2sdapError, match="is no command"):
        read(session, line)


def test_few_commands_have_the_name_of_a_field_or_function():
    assert set(COMMANDS) & (set(FIELDS) | set(FUNCTIONS)) == {"source", "copy"}
    assert set(COMMANDS) & set(NAMES) == {"source", "prefix", "copy"}


SLIPS = {
    "force": "Column 6: a token is wanted here",
    "force nonsense": "is not in the target vocabulary",
    "prefix": "Column 7: a text",
    "prefix [z": "Column 10",
    "prefix ÄÖ": "cannot be written",
    "prefix ''": "it has no tokens",
    "attend": "Column 7: a value",
    "attend a=0.5 b=": "Column 16: a weight",
    "attend a=0.5 b0.3": "Column 18: `=`",
    "attend a=0.7 b=0.7": "more than 1",
    "attend nix=0.7": "no word of the source",
    "attend L5.H0 a=1": "there are 1",
    "zero token": "Column 6: only a tensor",
    "zero state now": "Column 12: nothing more",
    "copy state": "Column 11: `from`",
    "copy state from": "it is no number",
    "copy state from step": "Column 21: the number of the step",
    "copy state from step 1 step 2": "Column 28: the step is named twice",
    "copy state from step 99": "3 steps are held",
    "copy state from hypothesis 2": "it is the same place",
    "copy state from sentence 1 step 0": "holds no records",
    "copy state from step 1 hypothesis 77": "no such hypothesis",
    "copy state from token 1": "not one vector a token",
    "copy token from step 1": "only numbers",
    "ban": "Column 4: a token",
    "ban 'z": "Column 5: the quote is not closed",
    "boost z": "Column 8: how many nats",
    "boost z viel": "Column 9: how many nats",
    "prune": "Column 6: the id",
    "prune x": "Column 7: the id",
    "prune 77": "no live hypothesis 77",
    "revive 1": "Column 9: a token",
    "revive 77 z": "no live hypothesis 77",
    "revive candidate 100000": "search looked at",
    "set beamSize": "Column 13: a setting",
    "set beamSize=": "Column 14: a value of beamSize",
    "source": "is no command",
    "source 'a\\nb'": "a line end",
    "source[99] = x": "there are 5",
    "state = 1 2": "it has 6",
    "state = viel": "it is no number",
    "state[99] = 1": "lie",
    "state[1][2] = 1": "and no more",
    "state[1 = 2": "is no command",
    "logprobs = 0": "cannot be changed",
    "p = 0.5": "cannot be changed",
    "stat = 0": "did you mean 'state'",
    "hypothesis = pruned": "Column 12: a number between brackets",
    "hypothesis[1] = gone": "Give `pruned`",
    "settings = 4": "the name of a setting",
    "attention[x] = 1": "Column 11: a position",
    "remove": "Column 7: the number",
    "goto last": "Column 6: a step",
    "undo it": "Column 6: nothing more",
    "help me": "is no command",
    "context = step 2": "",
}


def read_or_help(session, line):
    command = read(session, line)
    if isinstance(command, Order):
        help_text(command.name)


@pytest.mark.parametrize("line", SLIPS)
def test_slips_are_pointed_at(session, line):
    if line == "context = step 2":  # the same step: what it is already
        assert meant(session, line)[0].values == tuple(session.frame.site("attention.context").tolist())
        return
    with pytest.raises(S2sdapError) as refused:
        read_or_help(session, line)
    assert SLIPS[line] in str(refused.value), refused.value


SCRAPS = """= : [ ] ' " #1 # 1 0.5 -1 a z L0.H0 , ä \\ 9999999999 1e999
    from step sentence token hypothesis candidate"""
parts = st.sampled_from([*COMMANDS, *NAMES, *SCRAPS.split(), " ", "  ", "\n", "\0"])
lines = st.one_of(
    st.lists(parts, max_size=9).map(" ".join),
    st.lists(parts, max_size=9).map("".join),
    st.tuples(st.sampled_from(list(COMMANDS)), st.text(max_size=30)).map(" ".join),
)


@given(lines)
@example("attend '\\x'=1")
@example("prefix ['\\N{x}']")
@example("source '\\ud800'")
@hypothesis_settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_line_is_read_or_refused(session, line):
    with contextlib.suppress(S2sdapError):
        read(session, line)
    complete(line, session.frame)


@given(st.text(max_size=30), st.text(max_size=30))
@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_place_and_value_are_read_or_refused(session, expression, value):
    with contextlib.suppress(S2sdapError):
        whole_place(expression, session.frame)
    for place in (
        "token",
        "prefix",
        "attention",
        "attention[1]",
        "state",
        "state[1]",
        "logits[3]",
        "source[0]",
    ):
        with contextlib.suppress(S2sdapError):
            read(session, f"{place} = {value}")


def test_places(session):
    found = {
        "attention": RowPlace(),
        "attention[L2]": RowPlace(2, None),
        "attention[H1]": RowPlace(None, 1),
        "attention[L2.H1][3]": WeightPlace(3, 2, 1),
        "decoder.layers[0][1]": TensorPlace("decoder.layers", (0, 1)),
        "layers": TensorPlace("decoder.layers"),
        "logits[#4]": TensorPlace("prediction.logits", (4,)),
        'settings["beamSize"]': SettingPlace("beamSize"),
        "source": SourcePlace(),
    }
    for text, place in found.items():
        assert whole_place(text, session.frame) == place, text
    for text in ("", "attention[3] + 1", "state[", "nothing", "state[1]]"):
        with pytest.raises(S2sdapError):
            whole_place(text, session.frame)


def test_completions(session):
    def offered(before, frame=session.frame):
        return [each.text for each in complete(before, frame)]

    assert offered("b") == ["ban", "boost", "branches"]
    assert set(offered("")) == set(COMMANDS)
    assert offered("zero sta") == ["state", "states"]
    assert offered("attend a=0.5 b") == ["b="]
    assert offered("set beam") == ["beamSize="]
    assert len(offered("force ")) == 10
    assert offered("force ", None) == []
    assert offered("help re") == ["revive", "redo", "remove"]
    assert offered("p > 0.5 and ") == []
    likeliest = session.frame.piece(session.frame.top_tokens(1)[0][0])
    assert offered("ban ")[0] in (likeliest, quoted(likeliest))


def test_every_completed_token_is_one(session):
    for each in complete("force ", session.frame):
        assert meant(session, f"force {each.text}")


def test_help_names_every_command():
    whole = help_text()
    assert all(kind.form in whole for kind in COMMANDS.values())
    assert "nats" in help_text("boost")
