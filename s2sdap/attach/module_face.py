"""A module as something described: what one run of it has shown, and what token ids are called.

Nothing is known beforehand of a person's own module, so its layout is that of the call just made.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import torch
from torch import Tensor, nn

from s2sdap.decoding.forward_plan import Passed
from s2sdap.models.contract import Layout, Source, SourceToken
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

_SAMPLED: Final = 64
"""Weights of each parameter that the fingerprint looks at."""


class Pieces:
    """Token ids as text, by whatever the caller has: a tokenizer, a list or a mapping of pieces, or nothing.

    Fulfils the contract's `TargetVocabulary`. Nobody knows which ids begin and end an output here.
    """

    bos = -1
    eos = -1
    unknown: int | None = None

    def __init__(self, tokenizer: Any, size: int) -> None:
        self._named = tokenizer
        self._size = size

    def __len__(self) -> int:
        return self._size

    def piece(self, token: int, /) -> str:
        """How token `token` is written; `#12` where nobody knows."""
        if token < 0:
            return ""
        named = self._named
        try:
            if hasattr(named, "convert_ids_to_tokens"):
                written = named.convert_ids_to_tokens(token)
            elif hasattr(named, "piece"):
                written = named.piece(token)
            elif hasattr(named, "id_to_token"):
                written = named.id_to_token(token)
            elif isinstance(named, (Mapping, Sequence)):
                written = named[token]
            else:
                written = None
        except (LookupError, ValueError, TypeError):
            written = None
        return written if isinstance(written, str) else f"#{token}"

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        return next((token for token in range(self._size) if self.piece(token) == piece), None)

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of pieces with blanks between them, those that are known."""
        return tuple(token for token in map(self.find, text.split()) if token is not None)

    def text(self, tokens: Sequence[int], /) -> str:
        """The pieces of `tokens` with blanks between them."""
        return " ".join(map(self.piece, tokens))


class ModuleFace:
    """A module and what one call of it has shown. Fulfils the contract's `Described`."""

    max_source_length: int | None = None

    def __init__(
        self, module: nn.Module, name: str, tokenizer: Any, passed: Passed, stages: Sequence[Stage]
    ) -> None:
        self._module = module
        self.name = name
        self.device = device_of(module)
        logits = passed.sites.get(sites.PREDICTION_LOGITS)
        self.target = Pieces(tokenizer, 0 if logits is None else logits.shape[-1])
        shown = {**passed.read, **passed.sites}
        names = [each for each in SITES if each in shown]
        if logits is not None:
            names.append(sites.PREDICTION_LOGPROBS)
        self.layout = Layout(
            stages=tuple(sorted(stages, key=lambda stage: stage is not Stage.ENCODER)),
            sites=tuple(names),
            sizes=_sizes(shown),
            parameters=sum(parameter.numel() for parameter in module.parameters()),
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the names and shapes of the weights and of a sample of them."""
        digest = hashlib.sha256()
        for name, parameter in self._module.named_parameters():
            flat = parameter.detach().flatten()
            sample = flat[:: max(1, len(flat) // _SAMPLED)].float().cpu()
            digest.update(f"{name}{tuple(parameter.shape)}{parameter.dtype}".encode())
            digest.update(sample.numpy().tobytes())
        return digest.hexdigest()[:16]

    def tokenize(self, text: str, /) -> Source:
        """Nobody can: a call is given tensors. Raises `source_kind`."""
        del text
        raise S2sdapError("source_kind", model=self.name, argument="tensors")


def device_of(module: nn.Module) -> torch.device:
    """Where the module's first weight is, the CPU for one that has none."""
    first = next(module.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _sizes(shown: Mapping[str, Tensor]) -> tuple[tuple[str, int], ...]:
    sizes: dict[str, int] = {}
    for name, value in shown.items():
        for axis, length in zip(SITES[name].axes.replace(" ", ""), value.shape[1:], strict=True):
            if axis != "S":  # it differs from call to call
                sizes.setdefault(axis, length)
    return tuple(sorted(sizes.items()))


def sources_of(arguments: Sequence[Any], passed: Passed, rows: int, pieces: Pieces) -> tuple[Source, ...]:
    """The source of each row: the token ids among the arguments that have as many columns as S.

    Where there are none, the positions stand for themselves.
    """
    width = _source_length(passed)
    ids = next((each for each in arguments if _is_ids(each, width, rows)), None)
    if ids is None:
        tokens = tuple(SourceToken(f"#{place}", place, f"#{place}", None) for place in range(width or 0))
        return tuple(Source("", tokens) for _ in range(rows))
    table: list[list[int]] = ids.reshape(-1, ids.shape[-1]).tolist()
    return tuple(_written(table[row * len(table) // rows], pieces) for row in range(rows))


def _source_length(passed: Passed) -> int | None:
    for name in (sites.ATTENTION_WEIGHTS, sites.ATTENTION_SCORES, sites.ENCODER_STATES, sites.ENCODER_LAYERS):
        value = {**passed.read, **passed.sites}.get(name)
        if value is not None:
            return value.shape[1:][SITES[name].axes.replace(" ", "").index("S")]
    return None


def _is_ids(value: Any, width: int | None, rows: int) -> bool:
    if not isinstance(value, Tensor) or value.dtype not in (torch.int32, torch.int64) or value.dim() > 2:
        return False
    fits = value.dim() > 0 and width in (None, value.shape[-1])
    return fits and (value.dim() == 1 or (value.shape[0] > 0 and rows % value.shape[0] == 0))


def _written(ids: Sequence[int], pieces: Pieces) -> Source:
    text, tokens = "", []
    for token in ids:
        piece = pieces.piece(token)
        text += " " if text else ""
        tokens.append(SourceToken(piece, token, piece, Span(len(text), len(text) + len(piece))))
        text += piece
    return Source(text, tuple(tokens))
