"""Hover over a word: its pieces and ids, what training had of it, what is near to it, who attended to it."""

from typing import Final, NamedTuple

from s2sdap.language.decoded import DecodedSentence, WordFacts
from s2sdap.language.lowering import code
from s2sdap.language.source_files import SourceFile
from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary.positions import Span

LISTED: Final = 12
"""Pieces of a word that are told one by one."""


class Word(NamedTuple):
    """The word at a position: its span, and its pieces with their places among the source tokens."""

    span: Span
    pieces: tuple[tuple[int, SourceToken], ...]


def word_at(source: Source, position: int) -> Word | None:
    """The word at a position of a sentence; between words, or after the last, there is none."""
    text = source.text
    if not 0 <= position < len(text) or text[position].isspace():
        return None
    start = end = position
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    pieces = tuple(
        (at, token)
        for at, token in enumerate(source.tokens)
        if token.span is not None and token.span.start < end and token.span.end > start
    )
    return Word(Span(start, end), pieces)


def piece_at(word: Word, position: int) -> tuple[int, SourceToken] | None:
    """The piece of a word that a position is on, by its place among the source tokens."""
    for at, token in word.pieces:
        if token.span is not None and token.span.start <= position < token.span.end:
            return at, token
    return None


def told(file: SourceFile, line: int, word: Word, position: int, facts: WordFacts | None) -> str:
    """What is said of a word, as Markdown; `facts` are of the piece at the position."""
    text = file.sentence(line)[slice(*word.span)]
    parts = [f"**{code(text)}**", _pieces(word)]
    decoded = file.result(line)
    if decoded is not None and decoded.received:
        parts.append(_attention(decoded, word))
    here = piece_at(word, position)
    if facts is not None and here is not None:
        parts += _training(here[1], facts)
    return "\n\n".join(part for part in parts if part)


def _pieces(word: Word) -> str:
    if not word.pieces:
        return "No piece stands for it: the tokenizer drops it."
    rows = [
        f"- {code(token.piece)} — id {token.id}"
        + ("" if token.known else f", **unknown**: the model reads {code(token.seen)}")
        for _, token in word.pieces[:LISTED]
    ]
    if len(word.pieces) > LISTED:
        rows.append(f"- and {len(word.pieces) - LISTED} more")
    return "\n".join(rows)


def _attention(decoded: DecodedSentence, word: Word) -> str:
    received = sum(decoded.received[at] for at, _ in word.pieces if at < len(decoded.received))
    steps = len(decoded.tokens)
    mine = {at for at, _ in word.pieces}
    looked = [
        f"{code(each.piece)} ({step})" for step, each in enumerate(decoded.tokens) if each.focus in mine
    ]
    text = f"Attention received: {received:.3f}, summed over {steps} steps."
    return text + (f" Most attended to for {', '.join(looked[:LISTED])}." if looked else "")


def _training(token: SourceToken, facts: WordFacts) -> list[str]:
    parts = []
    if facts.occurrences is not None:
        parts.append(
            f"In training: {code(token.piece)} {facts.occurrences:,} times, of {facts.tokens:,} tokens."
        )
    if facts.near:
        near = ", ".join(f"{code(text)} {similarity:.2f}" for text, similarity in facts.near)
        parts.append(f"Nearest by embedding (cosine): {near}.")
    if facts.neighbors:
        rows = "\n".join(f"- {code(each)}" for each in facts.neighbors)
        parts.append(f"Nearest training states of {code(token.piece)} in this sentence:\n\n{rows}")
    return parts
