"""Places as they are written on the left of `=`: `token`, `attention[3]`, `state[5]`, `logits["Haus"]`."""

import difflib
from collections.abc import Callable
from typing import Final

from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.places import (
    CandidatePlace,
    HypothesisPlace,
    Place,
    PrefixPlace,
    RowPlace,
    SettingPlace,
    SourcePlace,
    TensorPlace,
    TokenPlace,
    WeightPlace,
    WordPlace,
)
from s2sdap.debugger.editing.reading import Word, Written
from s2sdap.debugger.editing.words import positions
from s2sdap.debugger.fields import FIELDS
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.tokens import resolve_token
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

SHORT: Final = {
    "state": sites.DECODER_STATE,
    "layers": sites.DECODER_LAYERS,
    "cells": sites.DECODER_CELLS,
    "states": sites.ENCODER_STATES,
    "scores": sites.ATTENTION_SCORES,
    "context": sites.ATTENTION_CONTEXT,
    "contexts": sites.ATTENTION_CONTEXTS,
    "features": sites.PREDICTION_FEATURES,
    "generated": sites.PREDICTION_GENERATED,
    "pointer": sites.PREDICTION_POINTER,
    "copy": sites.PREDICTION_COPY,
    "logits": sites.PREDICTION_LOGITS,
}
"""Sites by the names that the views give them; every site has its whole name as well."""


def place_at(written: Written, frame: Frame) -> Place:
    """The place that is written here. Raises `no_place` for a name of nothing that can be set."""
    begun = written.at
    name = written.take(r"[A-Za-z_][\w.]*")
    if name is None:
        raise written.refusal("the name of a place is wanted here")
    maker = _PLACES.get(name)
    if maker is not None:
        return maker(written, frame)
    site = SHORT.get(name, name)
    if site == sites.ATTENTION_WEIGHTS:
        return _attention(written, frame)
    if site in sites.SITES:
        making.check_site(site)
        return _tensor(written, frame, site)
    if name in FIELDS:
        raise S2sdapError("not_editable", name=name)
    near = difflib.get_close_matches(name, [*NAMES, *sites.SITES], n=1)
    written.at = begun
    raise S2sdapError("no_place", name=name, nearest=f"; did you mean {near[0]!r}?" if near else "")


def whole_place(text: str, frame: Frame) -> Place:
    """The place that all of `text` names."""
    written = Written(text)
    place = place_at(written, frame)
    written.end()
    return place


def layer_and_head(written: Written) -> tuple[int | None, int | None]:
    """`L3.H2`, `L3` or `H2`; nothing where none is written."""
    found = written.take(r"(?:L\d{1,6}(?:\.?H\d{1,6})?|H\d{1,6})(?![\w=#])")
    if found is None:
        return None, None
    layer, _, head = found.partition("H")
    layer = layer.removeprefix("L").removesuffix(".")
    return (int(layer) if layer else None), (int(head) if head else None)


def _attention(written: Written, frame: Frame) -> Place:
    del frame
    layer: int | None = None
    head: int | None = None
    if written.take(r"\[\s*(?=[LH]\d+(\.?H\d+)?\s*\])") is not None:
        layer, head = layer_and_head(written)
        _close(written)
    if written.take(r"\[") is None:
        return RowPlace(layer, head)
    word = _source_word(written)
    return (
        WeightPlace(word.position, layer, head) if word.position is not None else WordPlace(word, layer, head)
    )


def _tensor(written: Written, frame: Frame, site: str) -> Place:
    axes = sites.SITES[site].axes.split()
    index: list[int] = []
    while written.take(r"\[") is not None:
        axis = axes[len(index)] if len(index) < len(axes) else ""
        if not axis:
            raise written.refusal(f"{site} has the axes {' '.join(axes)} and no more")
        token = None if axis != "V" else written.quoted() or written.take(r"#\d{1,9}")
        if token is not None:
            index.append(resolve_token(frame.decode.model.target, token))
        else:
            index.append(written.whole("a number from 0"))
        _close(written)
    return TensorPlace(site, tuple(index))


def _source(written: Written, frame: Frame) -> Place:
    if written.take(r"\[") is None:
        return SourcePlace()
    at = positions(_source_word(written), frame.source.text, frame.source.tokens)
    return SourcePlace(at[0], at[-1])


def _source_word(written: Written) -> Word:
    """What stands between brackets: a position, or a word in quotes."""
    text = written.quoted()
    if text is None:
        word = Word(position=written.whole("a position from 0, or a word in quotes,"))
    else:
        word = Word(text, written.whole("a number") if written.take("#") else None)
    _close(written)
    return word


def _hypothesis(written: Written, frame: Frame) -> Place:
    del frame
    return HypothesisPlace(_number(written))


def _candidate(written: Written, frame: Frame) -> Place:
    (edit,) = making.revive_candidate(frame, _number(written))
    token = getattr(edit, "token", None)
    if edit.hypothesis is None or not isinstance(token, int):
        raise AssertionError("a revived candidate has a hypothesis and a token")
    return CandidatePlace(edit.hypothesis, token)


def _setting(written: Written, frame: Frame) -> Place:
    del frame
    if written.take(r"\[") is None:
        raise written.refusal('the name of a setting is wanted here, as in settings["beamSize"]')
    name = written.quoted() or written.take(r"\w+")
    if name is None:
        raise written.refusal("the name of a setting is wanted here")
    _close(written)
    return SettingPlace(name)


def _number(written: Written) -> int:
    if written.take(r"\[") is None:
        raise written.refusal("a number between brackets is wanted here")
    number = written.whole("a number from 0")
    _close(written)
    return number


def _close(written: Written) -> None:
    if written.take(r"\]") is None:
        raise written.refusal("the bracket is not closed")


_PLACES: Final[dict[str, Callable[[Written, Frame], Place]]] = {
    "token": lambda _written, _frame: TokenPlace(),
    "prefix": lambda _written, _frame: PrefixPlace(),
    "output": lambda _written, _frame: PrefixPlace(),
    "attention": _attention,
    "source": _source,
    "hypothesis": _hypothesis,
    "candidates": _candidate,
    "settings": _setting,
}
NAMES: Final = (*_PLACES, *SHORT)
"""Every short name of a place."""
