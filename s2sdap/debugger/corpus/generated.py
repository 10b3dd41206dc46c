"""Batches of a Hugging Face model: one call of its own `generate` over several sentences.

It is run step by step as any `generate` is, so a rule is asked about the very records of the batch.
Padding is no part of a sentence, but a batch has it: a field of the attention has more places there
than in a run by itself. Rules on such fields are asked with that in mind: they only choose what is
run again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.debugger.corpus.suspects import by_rows, looked, suspects
from s2sdap.debugger.corpus.sweeping import Sweep, Swept
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.batched.choices import ChoiceKeeper
from s2sdap.decoding.decode import Output, output_of
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.likeliest import likeliest, runner_up
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import Fate, Hypothesis, StepRecord
from s2sdap.decoding.search import standing
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

_READS_PADDING: Final = ("encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "stop_strings")
"""Settings that look at the ids of the source, or of every row, and may take padding for text."""

_NO_BEAM: Final = -1e8
"""Scores below this are of beams that there are not yet, and of what is ruled out."""


@dataclass(frozen=True, slots=True)
class GenerateSweep:
    """Batches of an encoder and decoder that read text, by their own `generate`."""

    model: HuggingFaceModel
    settings: GenerationSettings
    rules: tuple[ArmedRule, ...]

    @property
    def beam(self) -> int:
        """Rows that a sentence takes."""
        return int(_setting(self.model, self.settings, "num_beams") or 1)

    @property
    def roundoff(self) -> float:
        """The relative error of one rounding of its numbers."""
        return float(torch.finfo(self.model.model.dtype).eps)

    def length(self, plan: Plan) -> int:
        """Source tokens of a sentence."""
        return len(cast("GeneratePlan", plan).sources[0].tokens)

    def __call__(
        self, plans: Sequence[GeneratePlan], sentences: Sequence[Sentence], tolerance: float
    ) -> Callable[[], Swept]:
        """Decode a batch."""
        watched = not all(map(by_rows, self.rules))
        plan = self._together(plans, watched=watched)
        run = _Run(plan, sentences, self.rules, tolerance)
        while not run.ended:
            run.step()
        sources = [each.sources[0] for each in plans]
        targets = [self.model.target] * len(sources)

        def told() -> Swept:
            run.ask_ends()
            fired = suspects(run.keeper.all(), None, sentences, sources, targets, run.by_numbers)
            return Swept(run.outputs(), fired | run.suspect)

        return told

    def _together(self, plans: Sequence[GeneratePlan], *, watched: bool) -> GeneratePlan:
        """One call for the sources of all plans, filled up on the right."""
        pad = _setting(self.model, self.settings, "pad_token_id") or 0
        sources = tuple(plan.sources[0] for plan in plans)
        width = max(len(source.tokens) for source in sources)
        ids = torch.full((len(sources), width), int(pad))
        mask = torch.zeros_like(ids)
        for row, source in enumerate(sources):
            ids[row, : len(source.tokens)] = torch.tensor([token.id for token in source.tokens])
            mask[row, : len(source.tokens)] = 1
        device = self.model.device
        arguments = {"input_ids": ids.to(device), "attention_mask": mask.to(device), **self.settings.given}
        return GeneratePlan(
            self.model,
            sources,
            arguments,
            given=self.settings.given,
            prefix=plans[0].prefix,
            seed=self.settings.seed,
            watched=watched,
        )


class _Run:
    """One batch while it decodes; it keeps what the rules ask of each choice."""

    def __init__(
        self,
        plan: GeneratePlan,
        sentences: Sequence[Sentence],
        rules: Sequence[ArmedRule],
        tolerance: float,
    ) -> None:
        self.plan, self.sentences, self.tolerance = plan, sentences, tolerance
        self.by_numbers = [rule for rule in rules if by_rows(rule)]
        by_frames = [rule for rule in rules if not by_rows(rule)]
        self.at_steps = [rule for rule in by_frames if rule.rule.asked is not Asked.END]
        self.at_ends = [rule for rule in by_frames if rule.rule.asked is Asked.END]
        self.keeper = ChoiceKeeper(looked(self.by_numbers).steps, tolerance)
        self.suspect: NDArray[np.bool_] = np.zeros(len(sentences), np.bool_)
        self.encoder = plan.begin()
        self.records: list[StepRecord] = []
        self.after = self.encoder.after
        self.times = max(1, (self.after.live[-1].sentence + 1) // len(sentences))

    @property
    def ended(self) -> bool:
        """Whether every sentence is decoded."""
        return self.after.ended

    def step(self) -> None:
        """One step of the batch, and what the rules say of it."""
        record = self.plan.step(self.encoder, self.after)
        self.records.append(record)
        self.after = record.after
        leaders = _leaders(record)
        self._note_close(record)
        if leaders and self.keeper.wanted:
            tokens = torch.tensor([each.token for each in leaders], device=self.plan.model.device)
            of_rows: dict[str, Tensor] = {}
            if self.keeper.reads_rows:
                rows = record.sites[sites.PREDICTION_LOGPROBS][[each.row for each in leaders]]
                of_rows = self.keeper.of_rows(rows, tokens)
            self.keeper.add(
                record.step,
                torch.tensor([each.sentence // self.times for each in leaders]),
                tokens,
                torch.tensor([each.logprob for each in leaders], dtype=torch.float64),
                torch.tensor([each.score for each in leaders], dtype=torch.float64),
                of_rows=of_rows,
            )
        for leader in leaders if self.at_steps else ():
            self._ask(self.at_steps, leader)

    def ask_ends(self) -> None:
        """What the rules about outputs say of the best of each sentence."""
        asked: set[int] = set()
        for output in self.plan.best(self.after) if self.at_ends else ():
            number = output.sentence // self.times
            if number not in asked:
                asked.add(number)
                self._ask(self.at_ends, output)

    def _ask(self, rules: Sequence[ArmedRule], choice: Hypothesis) -> None:
        number = choice.sentence // self.times
        if not self.suspect[number]:
            self.suspect[number] = self._fires(rules, choice, self.sentences[number])

    def _fires(self, rules: Sequence[ArmedRule], choice: Hypothesis, sentence: Sentence) -> bool:
        records = self.records[: choice.step + 1]
        frame = Frame(
            *(self.plan, sentence, 0, Stage.SEARCH, self.encoder, records, records[-1], choice.row, choice)
        )
        fields = FieldValues(frame, choice)
        try:
            return any(rule.fires(fields) for rule in rules)
        except S2sdapError:  # what cannot be told here is told by itself
            return True

    def _note_close(self, record: StepRecord) -> None:
        """Mark the sentences in which the first place, or the last that was kept, was close."""
        decided = record.decided
        off = 2 * self.tolerance  # many times what a log-prob is off, so it bounds a sum of them
        sentence_of = np.asarray([each.sentence // self.times for each in record.before.live])
        owners = sentence_of[decided.parent]
        order = np.lexsort((-decided.score, owners))
        owner, score = owners[order], np.maximum(decided.score[order], _NO_BEAM)
        pruned = decided.fate[order] == Fate.PRUNED
        first = np.concatenate(([True], owner[1:] != owner[:-1]))[:-1]
        matters = first | (pruned[1:] != pruned[:-1])
        same = (owner[1:] == owner[:-1]) & (score[1:] > _NO_BEAM)
        near = same & matters & (score[:-1] - score[1:] <= off)
        self.suspect[owner[1:][near]] = True
        greedy = len(record.before.live) <= len(self.sentences)
        if greedy:  # search looked at one candidate a row, so what came second is asked of the scores
            logprobs = record.sites[sites.PREDICTION_LOGPROBS]
            tokens = likeliest(logprobs)
            best = logprobs.gather(1, tokens[:, None])[:, 0]
            close = (best - runner_up(logprobs, tokens) <= off).cpu().numpy()
            self.suspect[sentence_of[close]] = True

    def outputs(self) -> tuple[tuple[Output, ...], ...]:
        """The outputs of each sentence, best first."""
        found: dict[int, list[Output]] = {number: [] for number in range(len(self.sentences))}
        for each in self.plan.best(self.after):
            found[each.sentence // self.times].append(output_of(self.plan.model, each))
        return tuple(tuple(outputs) for outputs in found.values())


def _leaders(record: StepRecord) -> list[Hypothesis]:
    """The hypothesis in the lead of each sentence, where this step chose its last token."""
    leaders: dict[int, Hypothesis] = {}
    for each in (*record.after.live, *record.after.finished):
        leader = leaders.get(each.sentence)
        if leader is None or standing(each) > standing(leader):
            leaders[each.sentence] = each
    return [leader for _, leader in sorted(leaders.items()) if leader.step == record.step]


def _setting(face: HuggingFaceModel, settings: GenerationSettings, name: str) -> Any:
    """A setting of the call, or as the model's folder has it."""
    own: Mapping[str, Any] = vars(face.model.generation_config)
    return settings.given.get(name, own.get(name))


def generate_sweep(face: object, settings: object, rules: tuple[ArmedRule, ...]) -> Sweep:
    """Batches of this model. Raises `runs_singly` where a batch would not mean the same."""
    if not isinstance(face, HuggingFaceModel):
        raise S2sdapError("runs_singly", reason="only `generate` of transformers is known to take a batch")
    settings = settings if isinstance(settings, GenerationSettings) else GenerationSettings()
    if not face.model.config.is_encoder_decoder or face.reads != "input_ids" or face.tokenizer is None:
        raise S2sdapError("runs_singly", reason=f"{face.name} is no encoder and decoder that reads text")
    if _setting(face, settings, "do_sample") or face.model.training:
        raise S2sdapError("runs_singly", reason="each sentence has draws of its own")
    reading = [name for name in _READS_PADDING if _setting(face, settings, name) not in (None, 0, 1.0)]
    if reading:
        raise S2sdapError("runs_singly", reason=f"`{reading[0]}` would take padding for text")
    if any(rule.of_training for rule in rules):
        raise S2sdapError(
            "runs_singly", reason="a rule looks at training states, which a batch does not tell"
        )
    return GenerateSweep(face, settings, rules)
