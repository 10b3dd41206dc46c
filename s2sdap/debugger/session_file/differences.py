"""Where two records of one step differ: bit by bit, in the order in which the step computes things."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from s2sdap.debugger.session_file.record_telling import ARRAYS
from s2sdap.decoding.edits import ENCODER_STEP
from s2sdap.decoding.records import Candidates, EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.contract import TargetVocabulary

SOURCE, SITE, CANDIDATES, TOKENS, SCORE, END, REFUSED = (
    "source",
    "site",
    "candidates",
    "tokens",
    "score",
    "end",
    "refused",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs at a step (-1: reading the source); `largest` is the largest difference of a number.

    `kind` is source, site, candidates, tokens, score, end (search went on or stopped) or refused (an
    edit, or the step itself).
    """

    step: int
    kind: str
    name: str
    recorded: str = ""
    replayed: str = ""
    largest: float | None = None

    @property
    def text(self) -> str:
        """The difference in one line."""
        where = "reading the source" if self.step == ENCODER_STEP else f"step {self.step}"
        what = self.name if self.largest is None else f"{self.name} by up to {self.largest:.3g}"
        if self.kind == REFUSED:
            return f"{where}, {what}: {self.replayed}"
        told = f": {self.recorded} recorded, {self.replayed} now" if self.recorded or self.replayed else ""
        return f"{where}, {what}{told}"

    @property
    def parts(self) -> bool:
        """Whether nothing after it can be held against each other."""
        return self.kind in (SOURCE, TOKENS, END, REFUSED)


def of_encoders(recorded: EncoderRecord, now: EncoderRecord) -> Iterator[Difference]:
    """Where reading the source differs."""
    pairs = zip(
        [(recorded.source, recorded.sites), *recorded.others],
        [(now.source, now.sites), *now.others],
        strict=False,
    )
    for (source, read), (other, again) in pairs:
        if source.tokens != other.tokens:
            old, new = (" ".join(token.seen for token in each.tokens) for each in (source, other))
            yield Difference(ENCODER_STEP, SOURCE, "source tokens", old, new)
        yield from _of_sites(ENCODER_STEP, read, again)


def of_steps(recorded: StepRecord, now: StepRecord, target: TargetVocabulary) -> Iterator[Difference]:
    """Where a step differs; `target` writes tokens that the replay chose."""
    step = recorded.step
    yield from _of_sites(step, recorded.sites, now.sites)
    yield from _of_candidates(step, recorded.candidates, now.candidates)
    yield from _of_snapshots(step, recorded.after, now.after, target)


def _of_sites(step: int, recorded: Mapping[str, Tensor], now: Mapping[str, Tensor]) -> Iterator[Difference]:
    for name in recorded:
        if name not in now:
            yield Difference(step, SITE, name, "a tensor", "none")
            continue
        old, new = recorded[name], now[name].detach().cpu()
        if (old.dtype, old.shape) != (new.dtype, new.shape):
            yield Difference(step, SITE, name, _shape(old), _shape(new))
        elif not same_bits(old, new):
            yield Difference(step, SITE, name, largest=_largest(old, new))


def _shape(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one type and shape have the same bits."""
    left, right = (each.contiguous().reshape(-1).view(torch.uint8) for each in (one, other))
    return bool(torch.equal(left, right))


def _largest(one: Tensor, other: Tensor) -> float:
    """The largest difference; infinite where only one of two numbers is finite, or is one at all."""
    left, right = one.double(), other.double()
    apart = torch.where(left == right, 0.0, (left - right).abs())
    both = torch.isnan(left) & torch.isnan(right)
    return float(torch.where(both, 0.0, apart).nan_to_num(nan=math.inf).max())


def _of_candidates(step: int, recorded: Candidates, now: Candidates) -> Iterator[Difference]:
    if len(recorded) != len(now):
        yield Difference(step, CANDIDATES, "candidates", str(len(recorded)), str(len(now)))
        return
    for name in ARRAYS:
        old, new = getattr(recorded, name), getattr(now, name)
        if not np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            place = int(np.flatnonzero(old != new)[0])
            told = (str(old[place]), str(new[place]))
            yield Difference(step, CANDIDATES, f"candidates' {name} at {place}", *told)
            return


def _of_snapshots(
    step: int, recorded: Snapshot, now: Snapshot, target: TargetVocabulary
) -> Iterator[Difference]:
    for name, old, new in (
        ("live hypotheses", recorded.live, now.live),
        ("finished hypotheses", recorded.finished, now.finished),
    ):
        if [(each.id, each.tokens) for each in old] != [(each.id, each.tokens) for each in new]:
            yield Difference(step, TOKENS, name, _written(old, target), _written(new, target))
            return
    if recorded.ended != now.ended:
        yield Difference(step, END, "the end of search", _end(recorded), _end(now))
        return
    pairs = zip((*recorded.live, *recorded.finished), (*now.live, *now.finished), strict=True)
    apart = [abs(old.score - new.score) for old, new in pairs if old.score != new.score]
    if apart:
        yield Difference(step, SCORE, "scores", largest=max(apart))


def _written(hypotheses: tuple[Hypothesis, ...], target: TargetVocabulary) -> str:
    """What hypotheses have written, best first, by their last pieces."""
    pieces = [target.piece(each.token) if each.parent is not None else "" for each in hypotheses]
    return (
        "[" + ", ".join(f"{each.id}: …{piece}" for each, piece in zip(hypotheses, pieces, strict=True)) + "]"
    )


def _end(snapshot: Snapshot) -> str:
    return "ended" if snapshot.ended else "goes on"
