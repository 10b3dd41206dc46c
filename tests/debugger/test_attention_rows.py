"""An edited attention row stays a distribution, and keeps what the person asked for."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from s2sdap import S2sdapError
from s2sdap.debugger.attention import normalised, with_weight
from s2sdap.debugger.editing.reading import parse_piece, parse_row, parse_weight

WEIGHTS = st.lists(st.floats(0, allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


@given(WEIGHTS)
@hypothesis_settings(max_examples=150, deadline=None)
def test_normalised_rows_sum_to_one(weights):
    if not any(weights):
        with pytest.raises(S2sdapError):
            normalised(weights)
        return
    row = normalised(weights)
    assert math.fsum(row) == pytest.approx(1.0)
    assert all(0 <= weight <= 1 for weight in row)
    largest = max(range(len(weights)), key=weights.__getitem__)
    assert row[largest] == max(row)
    scale = max(weights)
    share = weights[0] / scale / math.fsum(weight / scale for weight in weights)
    assert row[0] == pytest.approx(share, abs=1e-9)


def test_weights_whose_sum_overflows_are_still_weights():
    assert normalised([1.7e308, 1.7e308, 0.0]) == (0.5, 0.5, 0.0)
    assert normalised([5e-324, 5e-324]) == (0.5, 0.5)


@given(WEIGHTS, st.floats(0, 1), st.data())
@hypothesis_settings(max_examples=150, deadline=None)
def test_one_weight_is_set_and_the_others_keep_their_proportions(weights, weight, data):
    if not any(weights):
        weights = [1.0, *weights]
    row = normalised(weights)
    position = data.draw(st.integers(0, len(row) - 1))
    if len(row) == 1 and weight != 1:
        with pytest.raises(S2sdapError, match="only token has"):
            with_weight(row, position, weight)
        return
    changed = with_weight(row, position, weight)
    assert len(changed) == len(row)
    assert math.fsum(changed) == pytest.approx(1.0)
    assert all(0 <= each <= 1 + 1e-12 for each in changed)
    if len(row) == 1:
        assert changed == (1.0,)
        return
    assert changed[position] == weight
    others = [index for index in range(len(row)) if index != position]
    before = math.fsum(row[index] for index in others)
    for index in others:
        expected = row[index] / before if before else 1 / len(others)
        assert changed[index] == pytest.approx(expected * (1 - weight), abs=1e-9)


def test_where_the_others_have_nothing_they_share():
    assert with_weight([1.0, 0.0, 0.0], 0, 0.5) == (0.5, 0.25, 0.25)
    assert with_weight([0.2, 0.8], 1, 0.0) == (1.0, 0.0)


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0, 2.0], [math.nan], [math.inf, 1.0]])
def test_what_is_no_attention(weights):
    with pytest.raises(S2sdapError) as refused:
        normalised(weights)
    assert refused.value.name == "bad_attention"


@pytest.mark.parametrize(
    ("position", "weight"), [(-1, 0.5), (2, 0.5), (0, -0.1), (0, 1.1), (0, math.nan), (0, math.inf)]
)
def test_what_is_no_weight(position, weight):
    with pytest.raises(S2sdapError) as refused:
        with_weight([0.5, 0.5], position, weight)
    assert refused.value.name == "bad_attention"


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("[0.1, 0.9]", [0.1, 0.9]),
        ("0.1 0.9", [0.1, 0.9]),
        (" [ .5,5e-1 ] ", [0.5, 0.5]),
        ("1", [1.0]),
        ("[-1]", [-1.0]),
    ],
)
def test_a_row_as_people_write_it(written, row):
    assert parse_row(written) == row


@pytest.mark.parametrize(
    "written", ["", "[]", "a", "1,x", "nan", "inf", "0x1", "1_0", "[[1]]", "1 2 " * 50_001]
)
def test_what_is_no_row(written):
    with pytest.raises(S2sdapError) as refused:
        parse_row(written)
    assert refused.value.name == "bad_attention"


@given(st.text(max_size=30))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_text_is_a_number_or_refused(written):
    for parse in (parse_row, parse_weight):
        with contextlib.suppress(S2sdapError):
            parse(written)
    assert isinstance(parse_piece(written), str)


@pytest.mark.parametrize(
    ("written", "piece"),
    [
        ("x", "x"),
        (" x ", "x"),
        ("'x'", "x"),
        ('" "', " "),
        (" ", " "),
        ("'\\u00e4'", "ä"),
        ("'", "'"),
        ("'''", "'''"),
        ("'it's'", "'it's'"),
        ("#12", "#12"),
    ],
)
def test_a_piece_as_people_write_it(written, piece):
    assert parse_piece(written) == piece
