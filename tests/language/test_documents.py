"""Documents: changes that arrive piece by piece leave what the whole text would be read as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.language.documents import Document, Extent, Place, split
from s2sdap.vocabulary.positions import utf16_length

TEXTS = st.text(alphabet="ab é😀\n\r\u2028\x0b", max_size=20)
PLACES = st.builds(Place, st.integers(0, 8), st.integers(0, 12))


def offset(text, place):
    """Where a place is in the text, by the protocol's own words."""
    lines, ends = split(text)
    if place.line >= len(lines):
        return len(text)
    before = sum(len(line) + len(end) for line, end in zip(lines[: place.line], ends, strict=False))
    line, units = lines[place.line], 0
    for position, letter in enumerate(line):
        units += utf16_length(letter)
        if units > place.column:
            return before + position
    return before + len(line)


@given(TEXTS, st.lists(st.tuples(PLACES, PLACES, TEXTS), max_size=6))
def test_changes_leave_what_the_whole_text_is_read_as(text, changes):
    document, shadow = Document(text), list(split(text)[0])
    for start, end, new in changes:
        first, last = sorted((offset(text, start), offset(text, end)))
        text = text[:first] + new + text[last:]
        splice = document.replace(Extent(start, end), new)
        shadow[splice.start : splice.start + splice.removed] = splice.lines
        assert document.text == text
        assert document.lines == split(text)[0] == shadow


def test_lines_end_where_the_protocol_says_and_nowhere_else():
    assert Document("a\r\nb\rc\nd\u2028e\x0bf").lines == ["a", "b", "c", "d\u2028e\x0bf"]


def test_one_letter_touches_one_line_of_many():
    document = Document("\n".join(f"line {number}" for number in range(1000)))
    splice = document.replace(Extent(Place(500, 4), Place(500, 5)), "😀")
    assert (splice.start, splice.removed, splice.lines) == (500, 1, ("line😀500",))


@pytest.mark.parametrize("column", [2, 3])
def test_a_column_inside_a_surrogate_pair_is_its_letter(column):
    document = Document("a😀b")
    document.replace(Extent(Place(0, 1), Place(0, column)), "")
    assert document.lines == ["ab" if column == 3 else "a😀b"]
