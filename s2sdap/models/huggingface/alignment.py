"""Where the tokens of a line stand in it: spans in code points, for every kind of tokenizer.

A span never holds the white space around a piece, unless the piece is nothing else. Spans may overlap
(the bytes of one emoji). Where a token's place cannot be found out for certain it has none.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from transformers import ByT5Tokenizer, PreTrainedTokenizerBase

from s2sdap.models.huggingface.offsets import MARKS, Spans, from_offsets

_JOINTS: Final = ("##", "@@", "</w>")  # what says that a piece goes on, or ends, a word


def of_python_tokenizer(line: str, tokenizer: PreTrainedTokenizerBase, spellings: Sequence[str]) -> Spans:
    """Spans of `tokenizer.tokenize(line)`, which is `spellings`, for a tokenizer that tells no offsets."""
    if isinstance(tokenizer, ByT5Tokenizer):
        found = _bytes(line, tokenizer, spellings)
    else:
        found = _sentencepiece(line, tokenizer, spellings)
    if found is None:
        found = _words(line, tokenizer, spellings)
    return from_offsets(line, spellings, found) if found is not None else [None] * len(spellings)


def _parts(line: str, tokenizer: Any) -> Iterator[tuple[str, int, bool]]:
    """What the tokenizer splits `line` into before anything else: text, its start, whether it is a token.

    Tokens that were added to the vocabulary, end symbols above all, may swallow the spaces beside them.
    """
    start = 0
    parts = tokenizer.tokens_trie.split(line)
    added = [tokenizer.added_tokens_decoder.get(tokenizer.added_tokens_encoder.get(part)) for part in parts]
    for at, part in enumerate(parts):
        text, begin = part, start
        start += len(part)
        if added[at] is None:
            if at and getattr(added[at - 1], "rstrip", False):
                text = part.lstrip()
                begin = start - len(text)
            if getattr(added[at + 1] if at + 1 < len(parts) else None, "lstrip", False):
                text = text.rstrip()
        if text:
            yield text, begin, added[at] is not None


def _bytes(line: str, tokenizer: Any, spellings: Sequence[str]) -> list[tuple[int, int] | None] | None:
    """Places of the bytes of `line`, each a token of its own."""
    pieces: list[str] = []
    places: list[tuple[int, int] | None] = []
    for text, start, is_token in _parts(line, tokenizer):
        if is_token:
            pieces.append(text)
            places.append((start, start + len(text)))
            continue
        pieces += [chr(byte) for byte in text.encode()]
        places += [(at, at + 1) for at, letter in enumerate(text, start) for _ in letter.encode()]
    return places if pieces == list(spellings) else None


def _sentencepiece(
    line: str, tokenizer: Any, spellings: Sequence[str]
) -> list[tuple[int, int] | None] | None:
    """Places by the SentencePiece model inside the tokenizer, or `None` where its pieces are not those."""
    model = getattr(tokenizer, "current_spm", None) or getattr(tokenizer, "sp_model", None)
    if model is None:
        return None
    language = getattr(tokenizer, "remove_language_code", None)
    pieces: list[str] = []
    places: list[tuple[int, int] | None] = []
    for text, start, is_token in _parts(line, tokenizer):
        codes, rest = ([text], "") if is_token else (language(text) if language is not None else ([], text))
        at = start
        for code in codes:  # Marian's `>>de<<` is one token, of which SentencePiece knows nothing
            pieces.append(code)
            places.append((at, at + len(code)))
            at += len(code)
        found = model.encode(rest, return_type="offset_mapping")
        pieces += found["pieces"]
        places += [(at + first, at + last) for first, last in _widened(found["pieces"], found["offsets"])]
    return places if pieces == list(spellings) else None


def _widened(pieces: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """SentencePiece's offsets, in which a character written by several pieces belongs to each of them.

    It gives such a character to the last of them and leaves the others nothing: the four bytes of an emoji,
    the `f` and `i` of a ligature.
    """
    wide = list(offsets)
    for at in reversed(range(len(wide) - 1)):
        (start, end), (next_start, next_end) = wide[at], wide[at + 1]
        if start == end == next_start and pieces[at] not in MARKS:
            wide[at] = (start, next_end)
    return wide


def _words(line: str, tokenizer: Any, spellings: Sequence[str]) -> list[tuple[int, int] | None] | None:
    """Places by words: a word that is tokenised alone as it is in the line holds its pieces.

    Inside a word a piece has its own letters where the pieces spell the word, and else the whole word.
    """
    between = pairwise(f" {line} ")
    edges = [at for at, (left, right) in enumerate(between) if left.isspace() != right.isspace()]
    pieces: list[str] = []
    places: list[tuple[int, int] | None] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        word = line[start:end]
        own = list(tokenizer.tokenize(word))
        pieces += own
        places += _letters(word, own, start) or [(start, end)] * len(own)
    return places if pieces == list(spellings) else None


def _letters(word: str, pieces: Sequence[str], start: int) -> list[tuple[int, int] | None] | None:
    bare = [_bare(piece) for piece in pieces]
    if "".join(bare).lower() != word.lower() or len("".join(bare)) != len(word):
        return None
    places: list[tuple[int, int] | None] = []
    for letters in bare:
        places.append((start, start + len(letters)))
        start += len(letters)
    return places


def _bare(piece: str) -> str:
    for mark in (*MARKS, *_JOINTS):
        piece = piece.removeprefix(mark).removesuffix(mark)
    return piece
