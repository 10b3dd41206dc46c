"""Making edits for a frame: what each kind of change is as plain edits. All pure.

An edit names the step of the frame and the hypothesis as it stood before that step, and nobody
else's. Numbers are read now and written into the edit, so that a list of edits stands by itself.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from s2sdap.debugger.attention import normalised, with_weight
from s2sdap.debugger.editing.reading import Word
from s2sdap.debugger.editing.words import distribution
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.tokens import resolve_token
from s2sdap.decoding.edits import (
    ENCODER_STEP,
    Edit,
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.decoding.records import StepRecord
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

Token = str | int


def step_of(frame: Frame) -> StepRecord:
    """The step that the frame shows; refuses the encoder's frame, where no token is predicted."""
    if frame.record is None:
        raise S2sdapError("no_step_here", stage=frame.stage)
    return frame.record


def chosen(frame: Frame, token: Token) -> tuple[Edit, ...]:
    """The hypothesis takes `token` at this step."""
    step = step_of(frame).step
    return (TokenEdit(step, frame.before.id, resolve_token(frame.decode.model.target, token)),)


def prefix(frame: Frame, written: str | Sequence[Token]) -> tuple[Edit, ...]:
    """The hypothesis begins with these tokens: a text as the target side splits it, or tokens one by one."""
    target = frame.decode.model.target
    if isinstance(written, str):
        tokens = target.encode(written)
        if target.unknown is not None and target.unknown in tokens:
            raise S2sdapError(
                "unknown_token", token=written[:100], nearest="; a part of it cannot be written"
            )
    else:
        tokens = tuple(resolve_token(target, token) for token in written)
    if not tokens:
        raise S2sdapError(
            "bad_value", value=written, name="prefix", reason="it has no tokens", expected="a text or tokens"
        )
    root = frame.hypothesis
    while root.parent is not None:
        root = root.parent
    return tuple(TokenEdit(step, root.id, token) for step, token in enumerate(tokens))


def weight(
    frame: Frame, position: int, value: float, layer: int | None = None, head: int | None = None
) -> tuple[Edit, ...]:
    """One source token gets this weight; the others fill the rest in proportion."""
    return _row(frame, with_weight(_weights(frame, layer, head), position, value), layer, head)


def row(
    frame: Frame, weights: Sequence[float], layer: int | None = None, head: int | None = None
) -> tuple[Edit, ...]:
    """A weight for every source token, scaled to sum to 1."""
    return _row(frame, normalised(weights), layer, head)


def words(
    frame: Frame,
    shares: Sequence[tuple[Word, float]],
    layer: int | None = None,
    head: int | None = None,
) -> tuple[Edit, ...]:
    """Weights for words of the source; see `words.RULE` for who gets the rest."""
    before = _weights(frame, layer, head)
    made = distribution(before, frame.source.text, frame.attended, shares)
    return _row(frame, made, layer, head)


def site(
    frame: Frame, name: str, values: Sequence[float], index: tuple[int | None, ...] = ()
) -> tuple[Edit, ...]:
    """The tensor at a site, or the part of it that `index` names, becomes `values`.

    `attention.weights` takes a whole row, of (layer, head), and scales it to sum to 1, as does
    `prediction.pointer`, where of one number the others get the rest; `prediction.copy` is in 0..1.
    """
    check_site(name)
    numbers = tuple(float(value) for value in values)
    if name == sites.ATTENTION_WEIGHTS:  # a row stays a distribution, whoever sets it
        return row(frame, numbers, *_row_index(index))
    if name == sites.PREDICTION_POINTER:
        numbers, index = _pointing(frame, numbers, index)
    if name == sites.PREDICTION_COPY and not all(0 <= number <= 1 for number in numbers):
        raise S2sdapError(
            "bad_value", value=numbers[0], name=name, reason="it is a probability", expected="0 to 1"
        )
    if name in (sites.ENCODER_STATES, sites.ENCODER_LAYERS):
        sentence = frame.before.sentence
        return (SiteEdit(ENCODER_STEP, sentence or None, name, numbers, index),)
    return (SiteEdit(step_of(frame).step, frame.before.id, name, numbers, index),)


def zero(frame: Frame, name: str, index: tuple[int | None, ...] = ()) -> tuple[Edit, ...]:
    """The same with zeros."""
    return site(frame, name, [0.0] * len(numbers_at(frame, name, index)), index)


def numbers_at(frame: Frame, name: str, index: tuple[int | None, ...] = ()) -> list[float]:
    """The numbers at a site, or at a part of it, as the run used them."""
    check_site(name)
    value = frame.site(name)
    try:
        part = value[tuple(slice(None) if each is None else each for each in index)]
    except IndexError:
        raise S2sdapError(
            "bad_value",
            value=list(index),
            name=name,
            reason=f"its shape is {tuple(value.shape)}",
            expected="an index that lies in it",
        ) from None
    numbers: list[float] = part.double().flatten().tolist()
    return numbers


def check_site(name: str) -> None:
    """Refuse what is no site, and the one whose values follow from another."""
    if name not in sites.SITES:
        raise S2sdapError("no_such_site", site=name)
    if name in (sites.PREDICTION_LOGPROBS, sites.SEARCH_CANDIDATES):  # they follow from the logits
        raise S2sdapError("not_editable", name=name)


def ban(frame: Frame, tokens: Sequence[Token]) -> tuple[Edit, ...]:
    """The hypothesis cannot take these tokens at this step."""
    return _changed(frame, dict.fromkeys(tokens, -math.inf))


def boost(frame: Frame, changes: Mapping[Token, float]) -> tuple[Edit, ...]:
    """The logits of these tokens change by so many nats at this step."""
    for token, change in changes.items():
        if not math.isfinite(change):
            raise S2sdapError(
                "bad_value", value=change, name=token, reason="it is not finite", expected="nats, or a ban"
            )
    return _changed(frame, changes)


def prune(frame: Frame, hypothesis: int) -> tuple[Edit, ...]:
    """The hypothesis goes no further.

    One that this step began with keeps none of its continuations here; one that this step has made
    is ended by the next step.
    """
    record = step_of(frame)
    if any(each.id == hypothesis for each in record.before.live):
        return (PruneEdit(record.step, hypothesis),)
    if frame.chosen is not None and any(each.id == hypothesis for each in record.after.live):
        return (PruneEdit(record.step + 1, hypothesis),)
    raise S2sdapError("unknown_thread", id=hypothesis)


def revive(frame: Frame, hypothesis: int, token: Token) -> tuple[Edit, ...]:
    """The continuation of the hypothesis by `token` at this step gets a place, whatever its rank."""
    record = step_of(frame)
    if not any(each.id == hypothesis for each in record.before.live):
        raise S2sdapError("unknown_thread", id=hypothesis)
    return (ReviveEdit(record.step, hypothesis, resolve_token(frame.decode.model.target, token)),)


def revive_candidate(frame: Frame, index: int) -> tuple[Edit, ...]:
    """The same for a candidate of this step by its place in search's order."""
    record = step_of(frame)
    candidates = record.candidates
    if not 0 <= index < len(candidates):
        raise S2sdapError(
            "bad_value",
            value=index,
            name="candidate",
            reason=f"search looked at {len(candidates)}",
            expected="a number from 0",
        )
    parent = record.before.live[int(candidates.parent[index])]
    return (ReviveEdit(record.step, parent.id, int(candidates.token[index])),)


def settings(frame: Frame, values: Mapping[str, Any]) -> tuple[Edit, ...]:
    """The search goes by these settings from this step on; at the encoder, from the first step on."""
    step = max(frame.step, 0)
    return tuple(SettingEdit(step, name, value) for name, value in values.items())


def source(frame: Frame, text: str) -> tuple[Edit, ...]:
    """The sentence reads `text`."""
    del frame  # every frame of a sentence reads the same one
    return (SourceEdit(text),)


def source_part(frame: Frame, first: int, last: int, text: str) -> tuple[Edit, ...]:
    """The sentence reads `text` where it had the source tokens from `first` to `last`."""
    whole, tokens = frame.source.text, frame.source.tokens
    spans = [token.span for token in tokens[first : last + 1]]
    begin, end = (spans[0], spans[-1]) if spans and last < len(tokens) else (None, None)
    if begin is None or end is None:
        stands = "it stands nowhere in the line" if spans else f"there are {len(tokens)}"
        raise S2sdapError(
            "bad_value", value=first, name="source", reason=stands, expected="a token of the line"
        )
    piece = whole[begin.start : end.end]
    blank = piece[: len(piece) - len(piece.lstrip())]  # some tokens take the blank before them along
    return (SourceEdit(whole[: begin.start] + blank + text + whole[end.end :]),)


def _changed(frame: Frame, changes: Mapping[Token, float]) -> tuple[Edit, ...]:
    step, target = step_of(frame).step, frame.decode.model.target
    return tuple(
        LogitEdit(step, frame.before.id, resolve_token(target, token), change)
        for token, change in changes.items()
    )


def _weights(frame: Frame, layer: int | None, head: int | None) -> list[float]:
    step_of(frame)
    weights: list[float] = frame.attention(layer, head).double().tolist()
    return weights


def _pointing(
    frame: Frame, numbers: tuple[float, ...], index: tuple[int | None, ...]
) -> tuple[tuple[float, ...], tuple[int | None, ...]]:
    """A row of the copying attention that stays a distribution, and the index of all of it."""
    if not index or index[0] is None:
        return normalised(numbers), ()
    before: list[float] = frame.site(sites.PREDICTION_POINTER).double().tolist()
    return with_weight(before, index[0], numbers[0]), ()


def _row(frame: Frame, weights: tuple[float, ...], layer: int | None, head: int | None) -> tuple[Edit, ...]:
    step = step_of(frame).step
    if not frame.has(sites.ATTENTION_WEIGHTS):
        raise S2sdapError("no_such_site", site=sites.ATTENTION_WEIGHTS)
    return (SiteEdit(step, frame.before.id, sites.ATTENTION_WEIGHTS, weights, (layer, head)),)


def _row_index(index: tuple[int | None, ...]) -> tuple[int | None, int | None]:
    """The layer and head of an index of attention rows."""
    if len(index) > 2:
        raise S2sdapError(
            "bad_value",
            value=list(index),
            name=sites.ATTENTION_WEIGHTS,
            reason="one weight cannot be set without the rest of its row",
            expected="an index of layer and head, and a weight for every source token",
        )
    layer, head = (*index, None, None)[:2]
    return layer, head
