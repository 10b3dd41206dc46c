"""Tokens that a model takes for alike: the nearest by embedding, to replace a word with. Needs no index.

A word that is one token is looked up by its embedding, one of several tokens by their mean. A word
that the vocabulary lacks has no embedding of its own; then the words are found that are spelt most
like it. What was done is said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.models.contract import Described, Embeddings, Embeds
from s2sdap.neighbors.search import Metric
from s2sdap.vocabulary.errors import S2sdapError

Side: TypeAlias = Literal["source", "target"]
Means: TypeAlias = Literal["token", "pieces", "characters"]
_ROWS: Final = 16_384
"""Rows that are compared at once, so that the matrix of a large model is never copied whole."""
_WORD_MARKS: Final = "▁ "
_CONTINUES: Final = "##"


@dataclass(frozen=True, slots=True)
class NearToken:
    """A token near to a word.

    Attributes:
        token: its id.
        piece: how the vocabulary writes it.
        text: how it is written in a text: without the mark of a word's beginning or going on.
        similarity: the cosine of the embeddings, -1..1; by characters the share of common pairs, 0..1.
        distance: in the metric that was asked for; by characters 1 - similarity.
    """

    token: int
    piece: str
    text: str
    similarity: float
    distance: float


@dataclass(frozen=True, slots=True)
class NearTokens:
    """The tokens nearest to a word, nearest first; of equally near ones the lower id first.

    Its own tokens are not among them, nor those that no text is written with.

    Attributes:
        word: what was looked up.
        side: in which vocabulary.
        means: by the embedding of one `token`, by the mean of several `pieces`, or by `characters`.
        tokens: the tokens whose embeddings were used; none by characters.
        pieces: how those are written.
        unknown: the parts of the word that the vocabulary lacks.
        metric: by which embeddings were compared.
        near: what was found.
    """

    word: str
    side: Side
    means: Means
    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    unknown: tuple[str, ...]
    metric: Metric
    near: tuple[NearToken, ...]


def near_token(
    model: Described, side: Side, token: int, k: int = 10, metric: Metric = Metric.COSINE
) -> NearTokens:
    """The tokens nearest to token `token`. Raises `no_embeddings`, `no_token_number`."""
    embeddings = _embeddings(model, side)
    count = len(embeddings.vectors)
    if not 0 <= token < count:
        raise S2sdapError("no_token_number", side=side, token=token, count=count)
    return _by_embedding(embeddings, _piece(embeddings, token), side, (token,), (), k, metric)


def near_word(
    model: Described, side: Side, word: str, k: int = 10, metric: Metric = Metric.COSINE
) -> NearTokens:
    """The tokens nearest to a word, as it is written in a text. Raises `no_embeddings`, `no_word`."""
    embeddings = _embeddings(model, side)
    known, unknown = _read(model, side, word, embeddings)
    if not known and not unknown:
        raise S2sdapError("no_word", word=word, side=side)
    if known:
        return _by_embedding(embeddings, word, side, known, unknown, k, metric)
    near = _by_characters(embeddings, word, k)
    return NearTokens(word, side, "characters", (), (), unknown, metric, near)


def _embeddings(model: Described, side: Side) -> Embeddings:
    found: Embeddings | None = None
    if isinstance(model, Embeds):
        found = model.source_embeddings() if side == "source" else model.target_embeddings()
    if found is None:
        raise S2sdapError("no_embeddings", model=model.name, side=side)
    return found


def _read(
    model: Described, side: Side, word: str, embeddings: Embeddings
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The known tokens of a word, and those of its parts that are not known.

    In a byte-level vocabulary a word within a text has other tokens than one that begins it, so the
    reading with a space before it counts where it has fewer tokens. A mark of a word's beginning that is a
    token by itself is no part of the word.
    """
    readings = []
    for written in (word, f" {word}"):
        if side == "source":
            tokens = model.tokenize(written).tokens
            known = [each.id for each in tokens if each.known and each.id not in embeddings.special]
            unknown = [each.piece for each in tokens if not each.known]
        else:
            ids = model.target.encode(written)
            known = [each for each in ids if each not in embeddings.special]
            unknown = [word] if model.target.unknown in set(ids) & embeddings.special else []
        letters = [token for token in known if _piece(embeddings, token).strip(_WORD_MARKS)]
        readings.append((tuple(letters if letters or unknown else known), tuple(unknown)))
    return min(readings, key=lambda reading: len(reading[0]) + len(reading[1]))


def _by_embedding(
    embeddings: Embeddings,
    word: str,
    side: Side,
    tokens: Sequence[int],
    unknown: tuple[str, ...],
    k: int,
    metric: Metric,
) -> NearTokens:
    query = embeddings.vectors[list(tokens)].float().mean(dim=0)
    distances, similarities = _compared(embeddings.vectors, query, metric)
    excluded = [*embeddings.special, *tokens]
    rows_of_none = [token for token, piece in enumerate(embeddings.pieces) if piece is None]
    if len(rows_of_none) < len(
        embeddings.pieces
    ):  # without a tokenizer no token is written, and any may be near
        excluded += rows_of_none
    distances[[token for token in excluded if token < len(distances)]] = np.inf
    order = np.lexsort((np.arange(len(distances)), distances))[: max(k, 0)]
    near = tuple(
        _near(embeddings, int(token), float(similarities[token]), float(distances[token]))
        for token in order
        if np.isfinite(distances[token])
    )
    pieces = tuple(_piece(embeddings, token) for token in tokens)
    means: Means = "token" if len(tokens) == 1 and not unknown else "pieces"
    return NearTokens(word, side, means, tuple(tokens), pieces, unknown, metric, near)


@torch.no_grad()
def _compared(
    vectors: Tensor, query: Tensor, metric: Metric
) -> tuple[Float32[np.ndarray, "V"], Float32[np.ndarray, "V"]]:
    """The distance and the cosine of every row to the query; what is no number is infinitely far."""
    distances, cosines = [], []
    length = query.norm()
    for start in range(0, len(vectors), _ROWS):
        rows = vectors[start : start + _ROWS].float()
        products = rows @ query
        lengths = rows.norm(dim=1) * length
        cosine = torch.where(lengths > 0, products / lengths, 0.0).clamp(-1, 1)
        cosines.append(cosine)
        if metric is Metric.COSINE:
            distances.append(1 - cosine)
        elif metric is Metric.L2:
            distances.append((rows - query).norm(dim=1))
        else:
            distances.append(-products)
    distance: NDArray[np.float32] = torch.cat(distances).cpu().numpy()
    similarity: NDArray[np.float32] = torch.cat(cosines).cpu().numpy()
    return np.where(np.isnan(distance), np.float32(np.inf), distance), similarity


def _by_characters(embeddings: Embeddings, word: str, k: int) -> tuple[NearToken, ...]:
    """The tokens that share most pairs of neighbouring letters with the word (Dice 1945), if any."""
    wanted = _pairs(word)
    found = []
    for token, piece in enumerate(embeddings.pieces):
        if piece is None or token in embeddings.special:
            continue
        pairs = _pairs(_text(piece))
        common = sum((wanted & pairs).values())
        if common:
            found.append((-2.0 * common / (wanted.total() + pairs.total()), token))
    return tuple(
        _near(embeddings, token, -similarity, 1.0 + similarity)
        for similarity, token in sorted(found)[: max(k, 0)]
    )


def _pairs(text: str) -> Counter[str]:
    """Each pair of neighbouring letters, the beginning and the end counted as letters, case left aside."""
    marked = f"\0{text.casefold()}\1"
    return Counter(marked[at : at + 2] for at in range(len(marked) - 1))


def _near(embeddings: Embeddings, token: int, similarity: float, distance: float) -> NearToken:
    piece = _piece(embeddings, token)
    return NearToken(token, piece, _text(piece), similarity, distance)


def _piece(embeddings: Embeddings, token: int) -> str:
    piece = embeddings.pieces[token] if token < len(embeddings.pieces) else None
    return f"#{token}" if piece is None else piece


def _text(piece: str) -> str:
    """A piece without the mark that a word begins or goes on with, where there is more than the mark."""
    return piece.lstrip(_WORD_MARKS).removeprefix(_CONTINUES) or piece
