"""What the doors to edits have in common: errors change nothing, and nothing changes unasked."""

import pytest
from dap_patterns import Event, Response, containing, text_with

DATE = "March 3, 1999"


@pytest.fixture
def at_a_token(tcp):
    tcp.launch(source=DATE, search={"beamSize": 3, "nBest": 3})
    tcp.stopped("entry")
    tcp.go("next")
    tcp.go("next")
    return tcp


@pytest.mark.parametrize("context", ["watch", "hover", "clipboard", "variables"])
def test_only_the_console_takes_commands(at_a_token, context):
    session = at_a_token
    seen = len(session.received)
    for line in ("force 7", "state = 0", "attend March=0.5", "undo", "source June 1", "set beamSize=5"):
        assert session.refused("evaluate", expression=line, context=context).number in (4201, 4202)
    assert session.request("s2s/edits")["edits"] == []
    assert session.request("s2s/step")["branch"] == 0
    assert all(each["type"] == "response" for each in session.received[seen:])


def test_a_command_answers_and_then_tells_that_all_has_changed(at_a_token):
    session = at_a_token
    seq = session.send("evaluate", {"expression": "attend March=0.7", "context": "repl"})
    session.expect(Response("evaluate", seq=seq) >> Event("invalidated", areas=["all"]))
    body = session.answer(seq)["body"]
    assert body["result"] == text_with("values of attention.weights")
    assert body["result"] == text_with("sums to 1")
    listed = session.request("evaluate", expression="edits", context="repl")["result"]
    assert listed.startswith("1. step 1, hypothesis 1: 13 values")
    assert session.request("s2s/edits")["edits"] == [containing(number=1, text=listed[3:])]


MOVES = (
    "force 7",
    "undo",
    "redo",
    "goto 0",
    "goto 1",
    "switch 0",
    "prune 1",
    "switch 1",
    "goto 1",
    "revive candidate 5",
    "prefix 2005",
    "undo",
    "remove 1",
    "source June 1, 2001",
    "edits",
)


def test_an_editor_finds_the_cursor_after_every_command(at_a_token):
    """It asks for the thread of the last stop, also when it is told to look again."""
    session = at_a_token
    told = []
    for line in MOVES:
        before, seen = place(session), len(session.received)
        session.request("evaluate", expression=line, context="repl")
        after = place(session)
        said = [each.get("event") for each in session.received[seen:]]
        events = [each for each in said if each in ("continued", "stopped", "invalidated")]
        if before[1:] != after[1:]:
            assert events == ["continued", "stopped"], line
        elif before != after:
            assert events == ["invalidated"], line
        else:
            assert "stopped" not in events, line
        told += events
        assert session.thread == after[-1]
        top = session.frames()[0]["id"]
        assert session.value("step", frameId=top) == str(after[1])
    assert {"stopped", "invalidated"} <= set(told)


def place(session):
    """Branch, step and hypothesis of the cursor."""
    step = session.request("s2s/step", top=1)
    return step["branch"], step["step"], step["hypothesis"]


def test_the_stop_of_a_move_says_why(at_a_token):
    session = at_a_token
    frame = session.frames()[0]["id"]
    seq = session.send("evaluate", {"expression": "goto 0", "context": "repl"})
    answered = Response("evaluate", seq=seq)
    session.expect(
        answered >> Event("continued", allThreadsContinued=True) >> Event("stopped", reason="goto")
    )
    assert session.refused("scopes", frameId=frame).number == 4005


def test_commands_that_look_change_nothing(at_a_token):
    session = at_a_token
    seen = len(session.received)
    for line, word in [
        ("help", "boost"),
        ("help set", "beamSize"),
        ("edits", "no edits"),
        ("branches", "* 0"),
    ]:
        assert session.request("evaluate", expression=line, context="repl")["result"] == text_with(word)
    assert all(each["type"] == "response" for each in session.received[seen:])


def test_what_is_refused_says_why_and_changes_nothing(at_a_token):
    session = at_a_token
    session.request("evaluate", expression="force 9", context="repl")
    before = session.request("s2s/edits")
    for command, arguments, number, word in [
        ("evaluate", {"expression": "froce 7", "context": "repl"}, 4120, "did you mean `force`"),
        ("evaluate", {"expression": "attend March=", "context": "repl"}, 4120, "Column 14"),
        ("evaluate", {"expression": "attend Marsh=0.5", "context": "repl"}, 4122, "'March'"),
        ("evaluate", {"expression": "attend 9=0.5", "context": "repl"}, 4123, "3 times"),
        ("evaluate", {"expression": "copy state from step 9", "context": "repl"}, 4124, "steps are held"),
        ("evaluate", {"expression": "redo", "context": "repl"}, 4141, "undone"),
        ("evaluate", {"expression": "remove 5", "context": "repl"}, 4128, "1 are in force"),
        ("evaluate", {"expression": "goto 99", "context": "repl"}, 4142, "99"),
        ("evaluate", {"expression": "switch 9", "context": "repl"}, 4143, "9"),
        ("evaluate", {"expression": "set beamSze=4", "context": "repl"}, 3003, "beamSize"),
        ("evaluate", {"expression": "source ''", "context": "repl"}, 1004, ""),
        ("setExpression", {"expression": "p", "value": "0.5"}, 4102, "p"),
        ("setExpression", {"expression": "statte", "value": "0"}, 4121, "'state'"),
        ("setExpression", {"expression": "state[", "value": "0"}, 4120, "Column 7"),
        ("setExpression", {"expression": "state", "value": "0", "frameId": 99_999}, 4005, ""),
        ("s2s/edit", {}, 5005, "give one of"),
        ("s2s/edit", {"token": "7", "ban": ["7"]}, 5005, "give one of"),
        ("s2s/edit", {"site": "decoder.state", "zero": True, "values": [1]}, 5005, "one of values"),
        ("s2s/edit", {"position": 3}, 5005, "weight"),
        ("s2s/edit", {"words": {"March": 0.7, "1999": 0.7}}, 4104, "more than 1"),
        ("s2s/edit", {"revive": {}}, 5005, "candidate"),
        ("s2s/edit", {"revive": {"candidate": 99_999}}, 4107, "looked at"),
        ("s2s/edit", {"prune": 77}, 4007, "77"),
        ("s2s/edit", {"boost": {"Haus": 1}}, 4103, "Haus"),
        ("s2s/edit", {"edits": []}, 4149, ""),
        ("s2s/edit", {"edits": [{"edit": "wish"}]}, 4109, "Edit 1"),
        ("s2s/edit", {"source": "a\nb"}, 4107, "line end"),
        ("s2s/edit", {"command": "token"}, 4120, "no command"),
        ("s2s/removeEdit", {"number": 0}, 4128, "no edit 0"),
        ("s2s/importEdits", {"text": "{}"}, 4127, "format"),
    ]:
        refusal = session.refused(command, arguments)
        assert refusal.number == number, (arguments, refusal.text)
        assert word in refusal.text, refusal.text
    assert session.request("s2s/edits") == before
    assert session.value("token") == "'9'"


def test_edits_die_with_their_session(at_a_token):
    session = at_a_token
    session.request("setExpression", expression="state", value="0")
    assert len(session.request("s2s/edits")["edits"]) == 1
    session.request("restart")
    session.expect(Event("stopped", reason="entry"))
    assert session.request("s2s/edits") == {"branch": 0, "edits": []}


def test_what_cannot_be_set_is_marked(at_a_token):
    session = at_a_token
    read_only = {
        scope: {
            name
            for name, each in session.scope(scope).items()
            if "readOnly" in each.get("presentationHint", {}).get("attributes", [])
        }
        for scope in ("Prediction", "Attention", "Decoder", "Encoder", "Search")
    }
    assert {"p", "rank", "top", "logprobs"} <= read_only["Prediction"]
    assert not read_only["Prediction"] & {"token", "logits", "features"}
    assert not read_only["Attention"] & {"weights", "context"}
    assert "state" not in read_only["Decoder"]
    assert not read_only["Encoder"] & {"text", "source", "states"}
    assert "output" not in read_only["Search"]
    assert "score" in read_only["Search"]
    assert session.scope("Attention")["weights"]["type"] == text_with("sums to 1")


def test_the_console_completes_commands_and_what_follows_them(at_a_token):
    session = at_a_token

    def labels(text):
        found = session.request("completions", text=text, column=len(text) + 1)["targets"]
        return [each["label"] for each in found]

    assert labels("bo") == ["boost"]
    assert "March=" in labels("attend Mar")
    assert labels("set beamS") == ["beamSize="]
    likeliest = labels("ban ")
    assert len(likeliest) > 20  # fields and functions may stand anywhere; the tokens come with them
    assert session.request("evaluate", expression=f"ban {likeliest[-1]}", context="repl")["result"]
