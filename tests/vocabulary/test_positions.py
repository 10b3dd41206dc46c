"""Code points and UTF-16 columns: the one place that converts, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.vocabulary.positions import Span, position_of_column, utf16_column, utf16_length

LINES = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aä🎉𝔘e\u0301👩\u200d👧"))
)


@given(LINES)
def test_a_length_is_that_of_the_encoding(line):
    assert utf16_length(line) == len(line.encode("utf-16-le")) // 2


@given(LINES)
def test_every_position_comes_back(line):
    columns = [utf16_column(line, position) for position in range(len(line) + 1)]
    assert columns == [utf16_length(line[:position]) for position in range(len(line) + 1)]
    assert [position_of_column(line, column) for column in columns] == list(range(len(line) + 1))


@given(LINES, st.integers(-5, 100))
def test_every_column_is_of_the_character_that_covers_it(line, column):
    position = position_of_column(line, column)
    if column < 0:
        assert position == 0
    elif column >= utf16_length(line):
        assert position == len(line)
    else:
        assert utf16_column(line, position) <= column < utf16_column(line, position + 1)


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("abc", [0, 1, 2, 3]),
        ("ä日b", [0, 1, 2, 3]),
        ("a🎉b", [0, 1, 3, 4]),
        ("🎉🎉", [0, 2, 4]),
        ("e\u0301x", [0, 1, 2, 3]),
        ("\uffff\U00010000", [0, 1, 3]),
        ("", [0]),
    ],
)
def test_columns(line, columns):
    assert [utf16_column(line, position) for position in range(len(line) + 1)] == columns


def test_inside_a_surrogate_pair_is_the_character_itself():
    assert [position_of_column("a🎉b", column) for column in range(5)] == [0, 1, 1, 2, 3]


def test_a_span_slices_its_piece():
    span = Span(2, 4)
    assert "abcdef"[slice(*span)] == "cd"
    assert (span.start, span.end) == (2, 4)
