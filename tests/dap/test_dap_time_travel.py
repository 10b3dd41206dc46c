"""Going to any step, starting frames again, branches, undo and redo, over every transport."""

from dap_patterns import Event, Response
from dap_programs import DATES


def at_step(session, step, **launch):
    session.launch(source="\n".join(DATES[:2]), **launch)
    session.stopped("entry")
    while int(session.value("step")) < step:
        session.go("next")


def place_of(session):
    return int(session.value("step")), session.value("stage").strip("'")


def source_of(session):
    return session.request("loadedSources")["sources"][0]


def test_goto_any_computed_step(session):
    at_step(session, 3)
    token = session.value("token")
    targets = session.request("gotoTargets", source=source_of(session), line=1)["targets"]
    assert [each["label"] for each in targets] == [
        "encoder",
        "step 0: '1'",
        "step 1: '9'",
        "step 2: '9'",
        "step 3: '9'",
    ]
    assert session.go("goto", targetId=targets[2]["id"])["reason"] == "goto"
    assert place_of(session) == (1, "search")
    assert session.refused("goto", targetId=targets[1]["id"], threadId=session.thread).number == 4150
    assert session.request("gotoTargets", source=source_of(session), line=2)["targets"] == []
    seq = session.send("s2s/goto", {"step": 3})
    answered = Response("s2s/goto", seq=seq)
    session.expect(answered >> Event("continued") >> Event("stopped", reason="goto"))
    assert session.value("token") == token
    assert session.refused("s2s/goto", step=99).number == 4142
    session.go("s2s/goto", step=-1)
    assert place_of(session) == (-1, "encoder")
    assert session.run_to_end()[0] == "1999-03-03"


def test_restart_a_frame(session):
    at_step(session, 3)
    frames = session.frames()
    assert session.go("restartFrame", frameId=frames[1]["id"])["reason"] == "restart"
    assert place_of(session) == (2, "decoder")
    assert session.refused("restartFrame", frameId=frames[0]["id"]).number == 4005
    session.go("restartFrame", frameId=session.frames()[-1]["id"])
    assert place_of(session) == (-1, "encoder")


def test_undo_redo_and_branches(session):
    at_step(session, 2)
    assert session.refused("s2s/undo").number == 4140
    session.request("s2s/edit", token="5")
    edited = session.value("output")
    undone = session.request("s2s/undo")
    assert undone["branch"] == 0
    assert session.value("token") == "'9'"
    assert session.request("s2s/redo")["branch"] == 1
    assert session.value("output") == edited
    assert session.refused("s2s/redo").number == 4141
    session.request("s2s/nameBranch", branch=1, name="five")
    session.request("s2s/switchBranch", branch=0)
    first, second = session.request("s2s/branches")["branches"]
    assert (first["id"], first["current"], first["edits"]) == (0, True, [])
    assert (second["id"], second["name"], second["parent"], second["fork"]) == (1, "five", 0, 2)
    assert second["edits"] == ["step 2, hypothesis 1: token '5'"]
    assert session.refused("s2s/dropBranch", branch=0).number == 4144
    assert len(session.request("s2s/dropBranch", branch=1)["branches"]) == 1
    assert session.refused("s2s/switchBranch", branch=1).number == 4143


def test_results_follow_undo(tcp):
    at_step(tcp, 2)
    tcp.go("stepOut")
    tcp.go("s2s/goto", step=2)
    tcp.request("s2s/edit", token="5")
    tcp.go("stepOut")
    tcp.request("s2s/undo")
    tcp.request("s2s/branches")
    assert [each["branch"] for each in tcp.events("s2s/result")] == [0, 1, 0]
    first, second = tcp.request("s2s/branches")["branches"]
    assert first["output"] == "1999-03-03"
    assert second["output"].startswith("195")
