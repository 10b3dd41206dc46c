"""The sources of somebody's own `generate` call: what was passed, as tokens, a source a row of the batch.

Nobody has the text that those ids came from. It is decoded; where the tokenizer reads that text as the very
same ids, the spans are those of a line, and else the line is made of the pieces themselves. Padding has no
place in the line.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.models.huggingface.source_tokens import TextReader
from s2sdap.models.huggingface.spelling import numbered
from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary.positions import Span

Row = tuple[Sequence[int], Sequence[bool]]  # ids, and which of them are no padding
_SPACE: Final = "▁"


def rows_of(ids: Tensor, mask: Tensor | None, pad: int | None) -> list[Row]:
    """The rows of `ids` [B, S]. Without a mask every `pad` is padding, as `generate` has it."""
    mask = mask if mask is not None and mask.shape == ids.shape else ids.ne(-1 if pad is None else pad)
    return list(zip(ids.tolist(), mask.bool().tolist(), strict=True))


def text_source(row: Row, reader: TextReader | None) -> Source:
    """The source of one row of ids."""
    ids, real = row
    read = [token for token, here in zip(ids, real, strict=True) if here]
    known = _numbers(read) if reader is None else _decoded(read, reader) or _spelled(read, reader)
    tokens = iter(known.tokens)
    padding = numbered if reader is None else reader.pieces.piece
    return Source(
        known.text,
        tuple(
            next(tokens) if here else SourceToken(padding(token), token, padding(token), None)
            for token, here in zip(ids, real, strict=True)
        ),
    )


def _numbers(ids: Sequence[int]) -> Source:
    """A line of `#` and ids."""
    return _joined([(numbered(token), token, f"{numbered(token)} ", True) for token in ids])


def _decoded(ids: Sequence[int], reader: TextReader) -> Source | None:
    """The line that the tokenizer reads as exactly these ids, where decoding finds it."""
    tokenizer: Any = reader.tokenizer
    if any(reader.pieces.spelling(token) is None for token in ids):
        return None
    written = [token for token in ids if token not in reader.around]
    line = str(tokenizer.decode(written, clean_up_tokenization_spaces=False))
    source = reader.read(line)
    return source if [token.id for token in source.tokens] == list(ids) else None


def _spelled(ids: Sequence[int], reader: TextReader) -> Source:
    """A line of the pieces, one after the other; special tokens have no place in it."""
    parts = []
    for token in ids:
        piece = reader.pieces.piece(token)
        written = "" if token in reader.around else piece.replace(_SPACE, " ")
        parts.append((piece, token, written, token != reader.unknown))
    return _joined(parts)


def _joined(parts: Sequence[tuple[str, int, str, bool]]) -> Source:
    """A source of (piece, id, what it writes in the line, whether it is known) after each other."""
    line = ""
    tokens = []
    for piece, token, written, known in parts:
        bare = written if line else written.lstrip()
        start = len(line) + len(bare) - len(bare.lstrip())
        span = Span(start, start + len(bare.strip())) if bare.strip() else None
        line += bare
        tokens.append(SourceToken(piece, token, piece, span, known))
    return Source(line.rstrip(), tuple(tokens))


def vectors_source(count: int) -> Source:
    """A source of `count` vectors that were given without saying what they are of."""
    return Source("", tuple(SourceToken(f"vector {at}", at, f"vector {at}", None) for at in range(count)))


def first_row(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a call for the first row of its batch alone."""
    return {
        name: value[:1] for name, value in inputs.items() if isinstance(value, Tensor) and value.dim() > 1
    }


def repeated(source: Source, batch: int) -> tuple[Source, ...]:
    """The same tokens for each row: rows of features and pixels are equally long."""
    return (source,) * batch


def as_rows(value: Any) -> Tensor:
    """Token ids as [B, S], from a tensor or from lists."""
    ids: Tensor = torch.as_tensor(value)
    return ids if ids.dim() > 1 else ids[None]
