"""Descriptions and scopes: values page by page, however large, and only what a stage has come to."""

import time

import pytest
import torch
from driving import session_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap.debugger.descriptions import LONGEST_TEXT, group, listing, plain, tensor, text
from s2sdap.debugger.editing.console import set_place
from s2sdap.debugger.scopes import scopes_of


def page(description, start=0, count=100):
    return description.children.page(start, count)


def test_a_tensor_opens_axis_by_axis():
    value = torch.arange(6.0).reshape(2, 3)
    whole = tensor("states", value, "S D", expression="states")
    assert (whole.name, whole.type, whole.children.count) == ("states", "float32[2x3]", 2)
    assert whole.value == "[S D] 2x3, 0 to 5, mean 2.5"
    first, second = page(whole)
    assert (first.name, second.expression) == ("0", "states[1]")
    assert [(each.name, each.value) for each in page(second)] == [("0", "3"), ("1", "4"), ("2", "5")]
    assert page(second)[2].expression == "states[1][2]"
    assert page(second)[2].children is None
    labelled = tensor("row", value[0], "V", label=lambda index: "abc"[index])
    assert [each.name for each in page(labelled)] == ["0: a", "1: b", "2: c"]


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 40))
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_page_is_a_slice(count, start, length):
    numbers = list(range(count))
    expected = [str(number) for number in numbers[start : start + length]]
    shown = [
        tensor("t", torch.arange(count), "D"),
        plain("l", numbers),
        listing("m", "", count, lambda index: plain(str(index), index)),
        group("g", "", [plain(str(number), number) for number in numbers]),
    ]
    for each in shown:
        assert each.children.count == count
        assert [child.value for child in page(each, start, length)] == expected


def test_a_billion_elements_open_at_once():
    huge = torch.ones(1).expand(1000, 1000, 1000)
    start = time.thread_time()
    whole = tensor("huge", huge, "L H S")
    (last,) = page(whole, 999, 50)
    (row,) = page(last, 500, 1)
    (element,) = page(row, 7, 1)
    flat = tensor("flat", torch.ones(1).expand(10**9), "D")
    assert [each.value for each in page(flat, 10**9 - 2, 100)] == ["1", "1"]
    assert time.thread_time() - start < 1
    assert (whole.value, element.value) == ("[L H S] 1000x1000x1000", "1")


def test_numbers_that_are_not_finite_are_counted():
    value = torch.tensor([1.0, float("nan"), float("inf"), 3.0])
    assert tensor("x", value, "D").value == "[D] 4, 1 to 3, mean 2, 2 not finite"
    assert tensor("x", value[1:3], "D").value == "[D] 2, 2 not finite"
    assert tensor("x", torch.empty(0), "D").value == "[D] 0"
    assert tensor("x", torch.tensor(float("nan")), "").value == "nan"


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_of_every_type(kind):
    shown = tensor("x", torch.ones(2, dtype=kind), "D")
    assert shown.type.startswith(str(kind).removeprefix("torch."))
    assert page(shown)[1].value in ("1", "True")


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [
        (None, "None", "NoneType"),
        (True, "True", "bool"),
        (3, "3", "int"),
        (0.1234567, "0.123457", "float"),
        ("ä'", '"ä\'"', "str"),
        ([1, "a"], "[1, 'a']", "list[2]"),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, … 20 in all]", "list[20]"),
        ({}, "dict", "dict"),
    ],
)
def test_plain_values(value, shown, kind):
    description = plain("x", value, expression="e")
    assert (description.value, description.type) == (shown, kind)


def test_a_long_string_is_cut():
    assert len(text("x" * 10**6)) == LONGEST_TEXT + 2
    assert text("x\n") == "'x\\n'"


# ---------------------------------------------------------------- scopes

SCOPES = {
    "encoder": ["Encoder", "Settings"],
    "decoder": ["Decoder", "Encoder", "Settings"],
    "attention": ["Attention", "Decoder", "Encoder", "Settings"],
    "prediction": ["Prediction", "Attention", "Decoder", "Encoder", "Settings"],
    "search": ["Search", "Prediction", "Attention", "Decoder", "Encoder", "Settings"],
}


def test_a_scope_for_each_stage_that_has_come():
    session = session_of(rnn(), "abc", max_length=2, min_length=2, reference="uv")
    session.start()
    for _ in range(5):
        scopes = scopes_of(session.frame)
        assert [scope.name for scope in scopes] == SCOPES[session.cursor.stage]
        assert all(scope.items() for scope in scopes)
        assert [scope.expensive for scope in scopes] == [False] * (len(scopes) - 1) + [True]
        session.step_in()


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (rnn(small_config(attention="none")), ["Search", "Prediction", "Decoder", "Encoder", "Settings"]),
        (PromptedModel(), ["Search", "Prediction", "Decoder", "Settings"]),
    ],
)
def test_what_a_model_lacks_does_not_appear(model, names):
    session = session_of(model, "abc", max_length=2, min_length=2)
    session.start()
    session.next()
    session.next()
    assert [scope.name for scope in scopes_of(session.frame)] == names


def items(session, name, frame=None):
    scope = next(each for each in scopes_of(frame or session.frame) if each.name == name)
    return {item.name: item for item in scope.items()}


def test_what_is_shown_is_what_an_expression_gives():
    session = session_of(rnn(), "abcdh", beam_size=3, n_best=3, max_length=4)
    session.start()
    for _ in range(3):
        session.next()
    for frame in session.frames()[:-1]:
        for scope in scopes_of(frame):
            for item in scope.items():
                if item.expression and item.children is None and item.name != "focus":  # shown with its piece
                    assert plain("", session.evaluate(item.expression, frame=frame)).value == item.value
                elif item.children and item.expression:
                    for child in item.children.page(0, 3):
                        if child.expression and child.children is None:
                            value = session.evaluate(child.expression, frame=frame)
                            assert plain("", value).value == child.value
    search = items(session, "Search")
    record = session.frame.record
    assert search["candidates"].children.count == len(record.candidates)
    fates = [child.value for child in search["candidates"].children.page(0, 1000)]
    assert sum("survived" in fate for fate in fates) == len(record.after.live)
    assert sum("pruned (rank)" in fate for fate in fates) == (record.candidates.fate == 2).sum()


def test_what_can_be_set_is_set():
    session = session_of(rnn(), "abc", max_length=4, min_length=4)
    session.start()
    session.next()
    weights = items(session, "Attention")["weights"]
    (second,) = weights.children.page(1, 1)
    set_place(session, session.frame, second.edit, "0.75")
    assert session.evaluate("attention[1]") == 0.75
    set_place(session, session.frame, weights.edit, "[1, 1, 2]")
    assert session.evaluate("attention") == [0.25, 0.25, 0.5]
    set_place(session, session.frame, items(session, "Prediction")["token"].edit, "'w'")
    assert session.evaluate("token") == "w"
    assert items(session, "Search")["edits"].children.count == 2
