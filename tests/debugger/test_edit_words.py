"""A distribution over words of the source: who gets what, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from s2sdap.debugger.editing.reading import Word, Written, parse_word, parse_words
from s2sdap.debugger.editing.words import distribution, positions, word_names
from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span


def source(text: str, *pieces: str) -> Source:
    """A source whose pieces stand in the text one after the other; `▁` is the blank before one."""
    tokens, at = [], 0
    for number, piece in enumerate(pieces):
        written = piece.replace("▁", " " if at else "")
        found = text.find(written, at)
        span = Span(found, found + len(written)) if found >= 0 and written else None
        at = span.end if span else at
        tokens.append(SourceToken(piece, number, piece, span))
    return Source(text, tokens=tuple(tokens))


HEUTE = source("heute oder morgen, heute", "▁heu", "te", "▁oder", "▁mor", "gen", ",", "▁heute", "</s>")


def at(name: str) -> list[int]:
    written = Written(name)
    word = parse_word(written)
    written.end()
    return positions(word, HEUTE.text, HEUTE.tokens)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("oder", [2]),
        ("heute#1", [0, 1]),
        ("heute#2", [6]),
        ("'heute'#2", [6]),
        ("morgen,", [3, 4, 5]),
        ("morgen", [3, 4]),
        ("mor", [3]),
        ("gen", [4]),
        ("▁heu", [0]),
        ("</s>", [7]),
        ("[5]", [5]),
        ('","', [5]),
    ],
)
def test_a_word_names_its_tokens(name, tokens):
    assert at(name) == tokens


@pytest.mark.parametrize(
    ("name", "error", "hint"),
    [
        ("heute", "repeated_word", "2 times"),
        ("heute#3", "unknown_word", "2 times"),
        ("heute#0", "unknown_word", "2 times"),
        ("gestern", "unknown_word", "no word"),
        ("morgn", "unknown_word", "did you mean 'morgen,'"),
        ("[8]", "unknown_word", "there are 8"),
        ("[", "edit_syntax", "Column 2"),
        ("[3", "edit_syntax", "Column 3"),
        ("'heu", "edit_syntax", "Column 1: the quote is not closed"),
    ],
)
def test_what_is_no_word_of_the_source(name, error, hint):
    with pytest.raises(S2sdapError) as refused:
        at(name)
    assert refused.value.name == error
    assert hint in str(refused.value)


ROW = [0.1, 0.3, 0.2, 0.0, 0.0, 0.1, 0.2, 0.1]


def shared(written: str, row=ROW) -> list[float]:
    return list(distribution(row, HEUTE.text, HEUTE.tokens, parse_words(Written(written))))


def test_pieces_share_by_what_they_had_and_the_rest_goes_to_the_others():
    row = shared("heute#1=0.6 oder=0.2")
    assert row[:3] == pytest.approx([0.15, 0.45, 0.2])
    assert row[3:] == pytest.approx([0, 0, 0.05, 0.1, 0.05])


def test_pieces_that_had_nothing_share_equally():
    assert shared("morgen=1")[3:5] == [0.5, 0.5]


def test_nothing_is_left_where_the_weights_sum_to_one():
    row = shared("oder=0.7, heute#2=0.3")
    assert row == [0, 0, 0.7, 0, 0, 0, 0.3, 0]
    assert shared("oder=0.1 heute#2=0.2 [0]=0.7")[1] == 0.0


def test_where_the_others_had_nothing_they_share_equally():
    row = shared("oder=0.5", [0, 0, 1, 0, 0, 0, 0, 0])
    assert row == pytest.approx([0.5 / 7, 0.5 / 7, 0.5, *[0.5 / 7] * 5])


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("oder=0.7 heute#2=0.4", "more than 1"),
        ("oder=1.5", "in 0..1"),
        ("oder=-0.1", "in 0..1"),
        ("morgen=0.2 gen=0.1", "twice"),
        ("oder=0.1 oder=0.1", "twice"),
        ("oder", "Column 5: `=`"),
        ("oder=", "Column 6: a weight"),
        ("oder=viel", "Column 6: a weight"),
        ("=0.5", "Column 1: a word"),
        ("", "Column 1: a word"),
        ("oder=0.5x", "Column 6"),
        ("oder=1e999", "a weight in 0..1 is wanted"),
    ],
)
def test_what_is_no_distribution(written, reason):
    with pytest.raises(S2sdapError, match=r".") as refused:
        shared(written)
    assert reason in str(refused.value)


def test_weights_of_all_tokens_must_sum_to_one():
    short = source("a b", "a", "b")
    words = parse_words(Written("a=0.5 b=0.4"))
    with pytest.raises(S2sdapError, match="must sum to 1"):
        distribution([0.5, 0.5], short.text, short.tokens, words)
    assert distribution([0.9, 0.1], short.text, short.tokens, parse_words(Written("a=.5 b=.5"))) == (0.5, 0.5)


weights = st.lists(st.floats(0, 1, width=32), min_size=8, max_size=8).filter(any)


@given(weights, st.dictionaries(st.integers(0, 7), st.floats(0, 1), max_size=6, min_size=1))
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_row_stays_a_distribution(row, shares):
    row = [weight / math.fsum(row) for weight in row]
    named = [(Word(position=place), weight) for place, weight in shares.items()]
    if math.fsum(shares.values()) > 1 + 1e-6:
        with pytest.raises(S2sdapError, match="more than 1"):
            distribution(row, HEUTE.text, HEUTE.tokens, named)
        return
    made = distribution(row, HEUTE.text, HEUTE.tokens, named)
    assert math.fsum(made) == pytest.approx(1.0, abs=2e-6)
    assert [made[place] for place in shares] == pytest.approx(list(shares.values()))
    others = [place for place in range(8) if place not in shares]
    kept = [row[place] for place in others]
    if any(kept):
        left = 1 - math.fsum(shares.values())
        expected = [weight / math.fsum(kept) * (left if left > 1e-6 else 0) for weight in kept]
        assert [made[place] for place in others] == pytest.approx(expected, abs=1e-9)


def test_every_word_that_is_offered_is_found_or_stands_there_twice():
    names = word_names(HEUTE.text, HEUTE.tokens)
    assert {"oder", "heute", "gen"} <= set(names)
    for name in set(names) - {"heute"}:
        assert positions(Word(name), HEUTE.text, HEUTE.tokens)
