"""Tokens keep their place in the line, whatever the line is made of."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.models.tokenizers import (
    SPECIAL_PIECES,
    SideConfig,
    SourceTokenizer,
    TargetTokens,
    build_vocabulary,
    pieces_of,
)

lines = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
units = st.sampled_from(["character", "word"])


def config(unit, texts, *, lowercase=False, end=False):
    pieces = build_vocabulary(texts, unit, lowercase=lowercase)
    return SideConfig(unit=unit, lowercase=lowercase, end=end, pieces=pieces)


@given(lines, units, st.booleans(), st.booleans())
def test_spans_slice_back_to_the_piece(line, unit, lowercase, end):
    source = SourceTokenizer(config(unit, [line], lowercase=lowercase, end=end)).tokenize(line)
    assert source.text == line
    standing = [token for token in source.tokens if token.span is not None]
    for token in standing:
        assert line[token.span.start : token.span.end] == token.piece
    ends = [0, *(token.span.end for token in standing)]
    assert all(a <= token.span.start for a, token in zip(ends, standing, strict=False)), "in reading order"
    assert len(source.tokens) == len(standing) + end


@given(lines, units)
def test_nothing_but_white_space_is_left_out(line, unit):
    covered = {position for _, span in pieces_of(line, unit) for position in range(*span)}
    left = {position for position in range(len(line)) if position not in covered}
    assert all(line[position].isspace() for position in left)
    assert unit == "word" or not left


@given(lines, units)
def test_a_text_of_the_vocabulary_comes_back_from_its_ids(line, unit):
    target = TargetTokens(config(unit, [line]))
    words = " ".join(line.split()) if unit == "word" else line
    tokens = target.encode(words)
    if unit == "word" and any(word in SPECIAL_PIECES for word in words.split()):
        return
    assert target.text((target.bos, *tokens, target.eos)) == words


@given(lines, units, st.booleans())
def test_every_piece_of_the_own_text_is_known(line, unit, lowercase):
    reader = SourceTokenizer(config(unit, [line], lowercase=lowercase))
    for token in reader.tokenize(line).tokens:
        if token.piece not in SPECIAL_PIECES:
            assert token.seen == (token.piece.lower() if lowercase else token.piece)
            assert reader.config.pieces[token.id] == token.seen


def test_an_unknown_piece_is_shown_as_written_and_seen_as_unknown():
    tokens = SourceTokenizer(config("word", ["the cat"])).tokenize("the  dög\tcat").tokens
    assert [(token.piece, token.seen, tuple(token.span)) for token in tokens] == [
        ("the", "the", (0, 3)),
        ("dög", "<unk>", (5, 8)),
        ("cat", "cat", (9, 12)),
    ]
    assert [token.known for token in tokens] == [True, False, True]


@pytest.mark.parametrize("line", ["👩‍👩‍👧 e\u0301", "שלום \u202bעולם\u202c", "नमस्ते", "🇩🇪"])
def test_combining_characters_emoji_and_right_to_left_text_survive(line):
    tokens = SourceTokenizer(config("character", [line])).tokenize(line).tokens
    assert "".join(token.seen for token in tokens) == line
    assert [
        token.piece for token in SourceTokenizer(config("word", [line])).tokenize(line).tokens
    ] == line.split()


def test_a_fold_that_lengthens_a_character_leaves_the_spans():
    """'İ' in lower case is two code points; the span still covers the one that stands in the line."""
    tokens = SourceTokenizer(config("character", ["İx"], lowercase=True)).tokenize("İX").tokens
    assert [(token.piece, token.seen, tuple(token.span)) for token in tokens] == [
        ("İ", "i̇", (0, 1)),
        ("X", "x", (1, 2)),
    ]


def test_text_spelt_like_a_special_token_is_not_one():
    reader = config("word", ["a <s> </s> b"])
    target = TargetTokens(reader)
    assert target.encode("a </s> b") == (target.find("a"), target.unknown, target.find("b"))
    assert [token.id for token in SourceTokenizer(reader).tokenize("<pad>").tokens] == [target.unknown]


def test_the_end_symbol_stands_nowhere_in_the_line():
    (end,) = SourceTokenizer(config("character", ["a"], end=True)).tokenize("").tokens
    assert (end.piece, end.seen, end.span) == ("</s>", "</s>", None)


def test_special_tokens_are_found_wherever_the_vocabulary_has_them():
    pieces = ("b", "</s>", "<unk>", "a", "<s>", "<pad>")
    target = TargetTokens(SideConfig(unit="character", lowercase=False, end=False, pieces=pieces))
    assert (target.bos, target.eos, target.unknown, target.pad) == (4, 1, 2, 5)
    assert target.text([4, 3, 0, 2, 1]) == "ab<unk>"
    assert (target.find("<s>"), target.find("z"), len(target)) == (4, None, 6)


@pytest.mark.parametrize("token", [-1, 6, 10**9])
def test_an_id_outside_the_vocabulary_has_no_piece(token):
    with pytest.raises(IndexError):
        TargetTokens(config("character", ["ab"])).piece(token)


def test_a_vocabulary_leaves_out_what_is_rare_and_repeats_nothing():
    assert build_vocabulary(["b a b", "B <s>"], "word", lowercase=True, minimum_count=2) == (
        *SPECIAL_PIECES,
        "b",
    )


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((*SPECIAL_PIECES, "a", "b", "a"), "repeats"),
        ((*SPECIAL_PIECES, ""), "empty"),
        (("<pad>", "<unk>", "<s>", "a"), "special"),
        ((), "special"),
    ],
)
def test_a_vocabulary_that_cannot_be_one_is_refused(pieces, reason):
    data = {"unit": "word", "lowercase": False, "end": False, "pieces": pieces}
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(data, SideConfig)


def test_a_source_can_do_without_begin_and_end():
    data = {"unit": "word", "lowercase": False, "end": False, "pieces": ("<unk>", "a", "<pad>")}
    source = SourceTokenizer(msgspec.convert({**data, "bounded": False}, SideConfig))
    assert [token.id for token in source.tokenize("a <pad> b").tokens] == [1, 0, 0]
    with pytest.raises(msgspec.ValidationError, match="special"):
        msgspec.convert(data, SideConfig)
    with pytest.raises(msgspec.ValidationError, match="end"):
        msgspec.convert({**data, "bounded": False, "end": True}, SideConfig)
