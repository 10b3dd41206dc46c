"""Forcing a model that offers single steps: a batch a step where it can, else a sentence at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import torch
from torch import Tensor

from s2sdap.decoding.batched.choices import Looked
from s2sdap.decoding.batched.greedy import run_greedily
from s2sdap.decoding.changed_settings import prefix_of, room_of, within
from s2sdap.decoding.forced.rows import (
    Forced,
    Rows,
    Wanted,
    filled_up,
    halved,
    has_layers,
    joined,
    layer_of,
    of_source,
    predictions,
    rows_at,
    standing,
)
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.contract import BatchingModel, Model, Source, extends, reading

TOGETHER: Final = 2**18
"""So many logits are looked through in one go."""


class Keeper:
    """The probe of a forced pass: keeps the wanted layers of what it is shown, and changes nothing."""

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        self.kept: dict[Wanted, list[Tensor]] = {each: [] for each in wanted}
        self._layers: dict[str, list[int | None]] = {}
        for site, layer in self.kept:
            self._layers.setdefault(site, []).append(layer)

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Keep what is wanted of the site; the run goes on with `value` itself."""
        for layer in self._layers.get(site, ()):
            self.kept[site, layer].append(layer_of(site, value, layer))
        return value


class Shapes:
    """A probe that notes how wide every site is, layer by layer."""

    def __init__(self) -> None:
        self.sizes: dict[Wanted, int] = {}

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Note the width; the run goes on with `value` itself."""
        axis = 0 if of_source(site) else 1
        for layer in range(value.shape[axis]) if has_layers(site) else (None,):
            self.sizes[site, layer] = layer_of(site, value, layer).shape[-1]
        return value


@dataclass(frozen=True, slots=True)
class SteppedForcing:
    """Forces through `encode`, `begin` and `step`. One sentence runs as it does under the debugger."""

    model: Model
    settings: SearchSettings
    together: BatchingModel | None
    """The model, where it reads several sentences at once."""

    @classmethod
    def of(cls, model: Model, settings: SearchSettings) -> "SteppedForcing":
        """Of a model; whether it reads several sentences is found out once, which takes a while."""
        return cls(model, within(model, settings), model if isinstance(model, BatchingModel) else None)

    def source(self, text: str, _folder: Path | None, /) -> Source:
        """The source tokens of a line, which is text."""
        return self.model.tokenize(text)

    def target(self, _source: Source, written: tuple[int, ...], /) -> tuple[int, ...]:
        """The tokens, and the end symbol where there is one."""
        end = self.model.target.eos
        return (*written, end) if end >= 0 else written

    def target_limit(self, _source: Source, /) -> int | None:
        """What the model says; nothing else bounds one of single steps."""
        return room_of(self.model)

    def greedy(self, sources: Sequence[Source], /) -> Sequence[tuple[int, ...]]:
        """What greedy search under the settings writes of each source."""
        settings = msgspec.structs.replace(self.settings, beam_size=1, n_best=1, sample=False)
        prefix = prefix_of(self.model, settings)
        if self.together is not None and len(sources) > 1:
            with torch.inference_mode():
                outcome = run_greedily(self.together, sources, settings, prefix, Looked(), 0.0)()
            return [output.tokens for (output,) in outcome.outputs]
        models = [(reading(self.model, source), source) for source in sources]
        return [self._decoded(Decode(model, settings, source, prefix)) for model, source in models]

    def force(self, sentences: Sequence[Forced], wanted: Collection[Wanted], /) -> Rows:
        """The rows of `wanted` for one batch."""
        with torch.inference_mode():
            if self.together is not None and len(sentences) > 1:
                return _known(self.model, _together(self.together, sentences, wanted))
            return _known(self.model, joined([_alone(self.model, each, wanted) for each in sentences]))

    @property
    def roundoff(self) -> float:
        """Models of single steps compute in float32, or do not say."""
        return float(torch.finfo(torch.float32).eps)

    def stepped(self, sentence: Forced, wanted: Collection[Wanted], /) -> Rows:
        """The rows of one sentence, by the very calls that a decode makes."""
        with torch.inference_mode():
            return _known(self.model, _alone(self.model, sentence, wanted))

    def sizes(self, source: Source, /) -> Mapping[Wanted, int]:
        """The width of every site and layer, from reading `source` and one step."""
        model, shapes = self.model, Shapes()
        with torch.inference_mode():
            encoded = model.encode(source, shapes)
            tokens = torch.tensor([model.target.bos], device=model.device)
            model.step(encoded, model.begin(encoded), tokens, shapes)
        return shapes.sizes

    def _decoded(self, decode: Decode) -> tuple[int, ...]:
        encoder = decode.begin()
        snapshot = encoder.after
        while not snapshot.ended:
            snapshot = decode.step(encoder, snapshot).after
        return decode.best(snapshot)[0].tokens


def _together(model: BatchingModel, sentences: Sequence[Forced], wanted: Collection[Wanted]) -> Rows:
    """A batch of several, filled up to the longest."""
    device = model.device
    encoding = Keeper(each for each in wanted if of_source(each[0]))
    stepping = Keeper(each for each in wanted if not of_source(each[0]))
    targets = [each.target for each in sentences]
    inputs = _inputs(targets, model.target.bos).to(device)
    encoded = model.encode_batch([each.source for each in sentences], encoding)
    state = model.begin(encoded)
    waiting: list[Tensor] = []
    predicted: list[Tensor] = []
    for tokens in inputs.unbind(1):
        logits, state = model.step(encoded, state, tokens, stepping)
        waiting.append(logits)
        if len(waiting) * logits.numel() >= TOGETHER:
            predicted.append(predictions(torch.stack(waiting, dim=1)))
            waiting = []
    if waiting:
        predicted.append(predictions(torch.stack(waiting, dim=1)))
    vectors: dict[Wanted, Tensor] = {}
    lengths = [len(each.source.tokens) for each in sentences]
    for key, states in encoding.kept.items():  # an entry a sentence, as long as the longest
        vectors[key] = halved(
            torch.cat([each[:length] for each, length in zip(states, lengths, strict=True)])
        )
    places = standing([len(each) for each in targets], inputs.shape[1], device)
    for key, steps in stepping.kept.items():  # an entry a step
        vectors[key] = rows_at(places, torch.stack(steps, dim=1))
    told = torch.cat(predicted, dim=1).flatten().index_select(0, places)
    return Rows({key: value.cpu() for key, value in vectors.items()}, told.cpu())


def _alone(model: Model, sentence: Forced, wanted: Collection[Wanted]) -> Rows:
    """One sentence, by the very calls that a decode makes."""
    keeper = Keeper(wanted)
    encoded = model.encode(sentence.source, keeper)
    state = model.begin(encoded)
    predicted = []
    for token in _inputs([sentence.target], model.target.bos).to(model.device).unbind(1):
        logits, state = model.step(encoded, state, token, keeper)
        predicted.append(predictions(logits))
    return Rows(
        {key: halved(torch.cat(kept)).cpu() for key, kept in keeper.kept.items()}, torch.cat(predicted).cpu()
    )


def _known(model: Model, rows: Rows) -> Rows:
    """The rows with predictions of the vocabulary alone."""
    if model.target.unknown is None or not extends(model):
        return rows
    predicted = rows.predicted
    return replace(
        rows, predicted=torch.where(predicted < len(model.target), predicted, model.target.unknown)
    )


def _inputs(targets: Sequence[tuple[int, ...]], begin: int) -> Tensor:
    """What each step reads [B, T]: the begin symbol, then the token before. Filled up with it, too."""
    return filled_up([(begin, *target[:-1]) for target in targets], begin)
