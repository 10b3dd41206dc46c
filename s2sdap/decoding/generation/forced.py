"""Forcing a Hugging Face model: one forward pass of the decoder over the whole of a batch's targets.

A model with an encoder begins as its own `generate` does, which runs the encoder and says what the decoder
reads first. One without reads source and target one after the other. Batches are filled up on the right,
where no position of a sentence looks.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Int
from torch import Tensor

from s2sdap.decoding.forced.rows import (
    Forced,
    Rows,
    Wanted,
    filled_up,
    halved,
    joined,
    layer_of,
    of_source,
    predictions,
)
from s2sdap.decoding.generation.config import checked
from s2sdap.decoding.generation.forced_rows import RowsOfPass
from s2sdap.decoding.generation.intercept import Prepared, prepare
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.reference import forced_first, forced_steps
from s2sdap.models.huggingface.face import TEXT, HuggingFaceModel
from s2sdap.models.huggingface.layout import target_limit
from s2sdap.models.huggingface.loading import quiet
from s2sdap.models.tokens import Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

GREEDY: Final = {"num_beams": 1, "num_return_sequences": 1, "do_sample": False}
"""Whatever else the settings say: one row a sentence, and no chance."""
_STEPWISE: Final = ("use_cache", "logits_to_keep")
"""Arguments that make a decode of single steps cheap."""
_ENDING: Final = ("max_length", "min_length", "min_new_tokens", "stop_strings", "max_time")
"""Settings that could end a sentence before its target, or forbid that it ends."""


class GenerateForcing:
    """Forces a model that decodes by its own `generate`. Fulfils `forced.rows.Forcing`."""

    def __init__(self, face: HuggingFaceModel, settings: GenerationSettings) -> None:
        self._face = face
        self._settings = settings
        self._given: dict[str, Any] = {**checked(settings.given), **GREEDY}
        self._paired = bool(face.model.config.is_encoder_decoder)
        self._room = target_limit(face.model)
        self._begun: int | None = None
        """How many tokens the decoder of a model with an encoder reads before its first one."""

    def source(self, text: str, folder: Path | None, /) -> Source:
        """The source tokens of a line, or of the file that it names."""
        return self._face.tokenize(text, base=folder)

    def target(self, source: Source, written: tuple[int, ...], /) -> tuple[int, ...]:
        """The tokens after what the settings force first, as far as the first end symbol."""
        end = self._face.target.eos
        forced = self._setting("forced_bos_token_id")
        first = forced_first(forced, self._read_first(source), written) if forced is not None else ()
        tokens = (*first, *written, *((end,) if end >= 0 else ()))
        ends = self._setting("eos_token_id")
        closing = frozenset(ends if isinstance(ends, (list, tuple)) else (ends,))
        length = next((place for place, token in enumerate(tokens, 1) if token in closing), len(tokens))
        return tokens[:length]

    def target_limit(self, source: Source, /) -> int | None:
        """The positions of the decoder that are left after what it reads first; the last token takes none."""
        return None if self._room is None else max(0, self._room - self._read_first(source) + 1)

    def greedy(self, sources: Sequence[Source], /) -> Sequence[tuple[int, ...]]:
        """What the model's own greedy search writes of each source, under the settings."""
        if self._paired and self._face.reads == TEXT:
            return self._written(sources)
        return [tokens for source in sources for tokens in self._written([source])]

    def force(self, sentences: Sequence[Forced], wanted: Collection[Wanted], /) -> Rows:
        """The rows of `wanted` for one batch. Recordings of other lengths run by themselves."""
        self._check(wanted)
        if self._face.reads != TEXT and len(sentences) > 1:
            shapes = {_shapes(self._face.inputs(each.source)) for each in sentences}
            if len(shapes) > 1:
                return joined([self._forced([each], wanted) for each in sentences])
        return self._forced(sentences, wanted)

    @property
    def roundoff(self) -> float:
        """The relative error of one rounding of the model's numbers."""
        return float(torch.finfo(self._face.model.dtype).eps)

    def stepped(self, sentence: Forced, wanted: Collection[Wanted], /) -> Rows:
        """The rows of one sentence, from the records of the debugger's own steps."""
        self._check(wanted)
        given = {name: value for name, value in self._given.items() if name not in _ENDING}
        plan = self._plan([sentence.source], {**given, "max_new_tokens": len(sentence.target)})
        kept: dict[Wanted, list[Tensor]] = {each: [] for each in wanted}
        predicted = []
        with plan.installed():
            encoder = plan.begin()
            for site, layer in wanted:
                if of_source(site):
                    kept[site, layer].append(layer_of(site, encoder.sites[site], layer))
            for record in forced_steps(plan, encoder, sentence.target):
                for site, layer in wanted:
                    if not of_source(site):
                        kept[site, layer].append(layer_of(site, record.sites[site], layer))
                predicted.append(predictions(record.sites[sites.PREDICTION_LOGITS]))
        vectors = {key: halved(torch.cat(values)).cpu() for key, values in kept.items()}
        return Rows(vectors, torch.cat(predicted).cpu())

    def sizes(self, source: Source, /) -> Mapping[Wanted, int]:
        """The width of every site and layer, from reading `source` and predicting one token."""
        known = (site for site in self._face.taps.sites if site != sites.ATTENTION_WEIGHTS)
        counts = self._layers()
        wanted = [
            (site, layer) for site in known for layer in (range(counts[site]) if site in counts else (None,))
        ]
        rows = self.force([Forced(source, (0,))], wanted)
        return {key: value.shape[1] for key, value in rows.vectors.items()}

    # ---- one batch ---------------------------------------------------------------------------

    def _forced(self, sentences: Sequence[Forced], wanted: Collection[Wanted]) -> Rows:
        face, targets = self._face, [each.target for each in sentences]
        sources = [each.source for each in sentences]
        rows = RowsOfPass(wanted, [len(source.tokens) for source in sources], face.device)
        with torch.inference_mode(), face.taps.installed(), quiet():
            begun, arguments = self._begin(sources, rows)
            read = [(*first, *target[:-1]) for first, target in zip(begun, targets, strict=True)]
            width = rows.expect([len(first) for first in begun], [len(target) for target in targets])
            inputs = self._inputs(filled_up(read).to(face.device), arguments, keep=width)
            model: Any = face.model
            with face.taps.every_position(wanted, rows.show):
                logits: Tensor = model(**inputs, use_cache=False, return_dict=True).logits
            return rows.all(predictions(logits))

    def _begin(self, sources: Sequence[Source], rows: RowsOfPass) -> tuple[list[list[int]], dict[str, Any]]:
        """What the decoder reads first of each sentence, and its arguments, after the encoder's run."""
        if not self._paired:
            names = self._face.inputs(sources[0])
            return [[token.id for token in source.tokens] for source in sources], names
        prepared = self._prepared(sources, rows)
        kwargs = {name: value for name, value in prepared.kwargs.items() if name not in _STEPWISE}
        return prepared.ids.tolist(), kwargs

    def _inputs(self, ids: Int[Tensor, "B W"], arguments: Mapping[str, Any], keep: int) -> dict[str, Any]:
        """The arguments of the pass that reads `ids`. Its last `keep` positions are asked for logits."""
        model: Any = self._face.model
        if self._paired:
            inputs = model.prepare_inputs_for_generation(ids, is_first_iteration=True, **arguments)
            return {name: value for name, value in inputs.items() if name not in _STEPWISE}
        # Every position that fills up comes after its sentence, so a mask has nothing to hide.
        mask = {"attention_mask": torch.ones_like(ids)} if "attention_mask" in arguments else {}
        kept = {"logits_to_keep": keep} if model._supports_logits_to_keep() else {}
        return {"input_ids": ids, **mask, **kept}

    def _prepared(self, sources: Sequence[Source], rows: RowsOfPass) -> Prepared:
        """What `generate` prepares of a batch: it reads the sources, and `rows` sees the encoder."""
        model: Any = self._face.model
        arguments = self._arguments(sources, {**self._given, "use_cache": False})
        generate = functools.partial(model.generate, **arguments)
        with self._face.taps.watching(rows):
            return prepare(model, generate)

    def _arguments(self, sources: Sequence[Source], given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a `generate` of `sources` under `given` settings, filled up on the right."""
        given = dict(given)
        if given.get("stop_strings") or self._face.model.generation_config.stop_strings:
            given["tokenizer"] = self._face.tokenizer
        if len(sources) == 1:
            return {**self._face.inputs(sources[0]), **given}
        if self._face.reads != TEXT:
            each = [self._face.inputs(source) for source in sources]
            return {**{name: torch.cat([one[name] for one in each]) for name in each[0]}, **given}
        ids = [tuple(token.id for token in source.tokens) for source in sources]
        lengths = torch.tensor([len(row) for row in ids])
        filled = filled_up(ids, int(self._setting("pad_token_id") or 0))
        mask = (torch.arange(filled.shape[1]) < lengths[:, None]).long()
        device = self._face.device
        return {"input_ids": filled.to(device), "attention_mask": mask.to(device), **given}

    # ---- what the model writes by itself -----------------------------------------------------

    def _written(self, sources: Sequence[Source]) -> list[tuple[int, ...]]:
        prefix = self._settings.prefix
        plan = self._plan(sources, self._given, self._face.target.encode(prefix) if prefix else ())
        with plan.installed():
            encoder = plan.begin()
            after = encoder.after
            while not after.ended:
                after = plan.step(encoder, after).after
        outputs = {output.sentence: output.tokens for output in plan.best(after)}
        return [outputs[number] for number in range(len(sources))]

    def _plan(
        self, sources: Sequence[Source], given: Mapping[str, Any], prefix: tuple[int, ...] = ()
    ) -> GeneratePlan:
        arguments = self._arguments(sources, given)
        return GeneratePlan(
            self._face, tuple(sources), arguments, given=given, prefix=prefix, seed=self._settings.seed
        )

    # ---- what is known of the model ----------------------------------------------------------

    def _setting(self, name: str) -> Any:
        """A generation setting: as it was given, else as the model's folder has it."""
        value = self._given.get(name)
        return getattr(self._face.model.generation_config, name, None) if value is None else value

    def _read_first(self, source: Source) -> int:
        """How many tokens the decoder reads before it predicts the first of the target."""
        if not self._paired:
            return len(source.tokens)
        if self._begun is None:
            rows = RowsOfPass((), [len(source.tokens)], self._face.device)
            with torch.inference_mode(), self._face.taps.installed(), quiet():
                self._begun = int(self._prepared([source], rows).ids.shape[1])
        return self._begun

    def _layers(self) -> dict[str, int]:
        taps = self._face.taps
        return {
            sites.ENCODER_LAYERS: taps.encoder_layers,
            sites.DECODER_LAYERS: taps.decoder_layers,
            sites.ATTENTION_CONTEXTS: taps.layers,
        }

    def _check(self, wanted: Collection[Wanted]) -> None:
        counts = self._layers()
        for site, layer in wanted:
            if layer is not None and layer >= counts[site]:
                raise S2sdapError("no_state_layer", site=site, layer=layer, count=counts[site])


def _shapes(inputs: Mapping[str, Tensor]) -> tuple[torch.Size, ...]:
    return tuple(value.shape for value in inputs.values())
