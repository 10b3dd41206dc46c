"""Tensors as bytes: what a memory inspector reads and writes."""

import base64
import struct

import pytest
from dap_programs import DATES


@pytest.fixture
def at_a_token(tcp):
    """A session that has just chosen its third token."""
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    for _ in range(3):
        tcp.go("next")
    return tcp


def read(session, reference, offset=0, count=2**21):
    return session.request("readMemory", memoryReference=reference, offset=offset, count=count)


def floats(body):
    data = base64.b64decode(body["data"])
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def test_the_bytes_are_the_numbers_on_show(at_a_token):
    session = at_a_token
    state = session.scope("Decoder")["state"]
    assert state["type"] == "float32[64]"
    shown = [float(each["value"]) for each in session.variables(state["variablesReference"]).values()]
    whole = read(session, state["memoryReference"])
    assert floats(whole) == pytest.approx(shown, rel=1e-5)
    assert whole["unreadableBytes"] == 2**21 - 256
    assert (
        base64.b64decode(read(session, state["memoryReference"], 6, 9)["data"])
        == base64.b64decode(whole["data"])[6:15]
    )
    for offset, count in ((256, 8), (-1, 8), (0, 0), (2**40, 1)):
        beyond = read(session, state["memoryReference"], offset, count)
        assert "data" not in beyond
        assert beyond.get("unreadableBytes", 0) == count


def test_an_attention_row_is_written_as_an_edit(at_a_token):
    session = at_a_token
    row = session.scope("Attention")["weights"]
    before = floats(read(session, row["memoryReference"]))
    assert sum(before) == pytest.approx(1)
    data = base64.b64encode(struct.pack(f"<{len(before)}f", 2, 2, *[0] * (len(before) - 2))).decode()
    written = session.request("writeMemory", memoryReference=row["memoryReference"], data=data)
    assert written["bytesWritten"] == 4 * len(before)
    again = session.scope("Attention")["weights"]
    assert floats(read(session, again["memoryReference"]))[:3] == pytest.approx([0.5, 0.5, 0])
    assert [each["text"] for each in session.request("s2s/edits")["edits"]] != []


def test_part_of_a_state_is_written(at_a_token):
    session = at_a_token
    state = session.scope("Decoder")["state"]
    before = floats(read(session, state["memoryReference"]))
    data = base64.b64encode(struct.pack("<f", 0.25)).decode()
    session.request("writeMemory", memoryReference=state["memoryReference"], offset=8, data=data)
    after = floats(read(session, session.scope("Decoder")["state"]["memoryReference"]))
    assert after == [*before[:2], 0.25, *before[3:]]


def test_what_cannot_be_written_is_refused(at_a_token):
    session = at_a_token
    state = session.scope("Decoder")["state"]["memoryReference"]
    follows = session.scope("Prediction")["logprobs"]["memoryReference"]
    eight = base64.b64encode(bytes(8)).decode()
    assert session.refused("writeMemory", memoryReference=follows, data=eight).number == 4102
    assert session.refused("writeMemory", memoryReference=state, data=eight, offset=252).number == 4107
    assert session.refused("writeMemory", memoryReference=state, data="no base64").number == 5005
    session.go("next")
    for reference in (state, "0", "nothing", "9" * 30):
        assert session.refused("readMemory", memoryReference=reference, count=1).number == 4012


def test_vscode_is_told_what_its_menus_go_by(tcp):
    tcp.initialize(clientID="vscode")
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    tcp.go("next")
    prediction, search = tcp.scope("Prediction"), tcp.scope("Search")
    kinds = {name: each.get("__vscodeVariableMenuContext") for name, each in prediction.items()}
    assert kinds == {
        **dict.fromkeys(prediction),
        "token": "token",
        "logits": "tensor",
        "logprobs": "tensor",
        "features": "tensor",
    }
    for group, kind in (
        (prediction["top"], "likely"),
        (search["candidates"], "candidate"),
        (search["live"], "hypothesis"),
    ):
        for each in tcp.variables(group["variablesReference"]).values():
            assert each["__vscodeVariableMenuContext"] == kind
    row = tcp.scope("Attention")["weights"]
    assert row["__vscodeVariableMenuContext"] == "row"
    for each in tcp.variables(row["variablesReference"]).values():
        assert each["__vscodeVariableMenuContext"] == "weight"
