"""The laws themselves: each one catches what it is there for."""

import pytest
from dap_laws import check_answers, check_order, check_pairs
from protocol_schema import NEWEST, check_shapes, schemas

HELLO = {"seq": 1, "type": "response", "request_seq": 1, "success": True, "command": "initialize"}
ASKED = [{"seq": 1, "type": "request", "command": "initialize"}]


def event(seq, name, **body):
    return {"seq": seq, "type": "event", "event": name, "body": body}


def test_the_newest_schema_of_the_protocol_is_at_hand():
    if not NEWEST.is_file():
        pytest.skip("shared/data/debug-adapter-protocol is absent: messages met debugpy's older schema only")
    assert len(schemas()) == 2


def test_every_schema_refuses_what_is_wrong():
    for schema in schemas():
        schema.check(event(1, "stopped", reason="step"))
        for wrong in (event(1, "stopped"), event("1", "exited", exitCode=0), event(1, "s2stopped")):
            with pytest.raises(AssertionError):
                schema.check(wrong)


@pytest.mark.parametrize(
    "received",
    [[], [HELLO, {**HELLO, "seq": 2}], [{**HELLO, "request_seq": 7}], [{**HELLO, "command": "launch"}]],
)
def test_answers(received):
    check_answers(ASKED, [HELLO], complete=True)
    with pytest.raises(AssertionError):
        check_answers(ASKED, received, complete=True)


def test_order():
    moved = {**HELLO, "seq": 2, "command": "next"}
    check_order([HELLO, moved, event(3, "stopped", reason="step")])
    for wrong in (
        [HELLO, event(2, "stopped", reason="step"), {**moved, "seq": 3}],
        [HELLO, moved, event(2, "stopped", reason="step")],
        [event(1, "initialized"), {**HELLO, "seq": 2}],
    ):
        with pytest.raises(AssertionError):
            check_order(wrong)


def test_pairs():
    start, end = event(1, "progressStart", progressId="p", title="t"), event(2, "progressEnd", progressId="p")
    check_pairs([start, end], complete=True, progress=True)
    for wrong, shown in (([start], True), ([end], True), ([start, end], False)):
        with pytest.raises((AssertionError, KeyError)):
            check_pairs(wrong, complete=True, progress=shown)


def test_every_shape_of_a_log_is_looked_at():
    good = [event(seq, "stopped", reason="step", threadId=1) for seq in range(1, 50)]
    assert check_shapes(good) == 1
    for wrong in (
        event(60, "stopped", reason="step", threadId="one"),
        event(60, "stopped", threadId=1),
        event(60, "thread", reason=3, threadId=1),
    ):
        with pytest.raises(AssertionError):
            check_shapes([*good, wrong])
