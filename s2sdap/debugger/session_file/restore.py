"""Timelines again from what a session file tells: the same hypotheses, snapshots, records and branches.

Everything points at each other by number, so every number is held against what it points at before
it is used; a file that was made up is refused like one that was damaged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from numpy.typing import NDArray

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.debugger.session_file.layout import DOCUMENT, DecodePart, EncoderPart, StepPart, part_name
from s2sdap.debugger.session_file.read import OpenFile
from s2sdap.debugger.session_file.record_telling import (
    ARRAYS,
    NUMBER_COLUMNS,
    ROOT,
    WHOLE_COLUMNS,
)
from s2sdap.debugger.session_file.telling import shown_of, source_of
from s2sdap.debugger.session_file.tensors import RecordedSites, Store
from s2sdap.decoding.edits import Edit
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import Candidates, EncoderRecord, Fate, Hypothesis, Reason, Snapshot, StepRecord
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

_INTEGERS: Final = frozenset({"I8", "U8", "I16", "I32", "I64", "BOOL"})
_KINDS: Final = {"parent": "I32", "token": "I64", "child": "I32", "fate": "I8", "reason": "I8"}
"""The types of the columns of candidates; the others are F64."""
_AXES_OF: Final = {sites.ATTENTION_WEIGHTS: 4, sites.PREDICTION_LOGPROBS: 2}


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCandidates:
    """The candidates of a recorded step, read when somebody looks; the first `count` were at hand at once."""

    store: Store
    part: int
    prefix: str
    processors: tuple[str, ...]
    count: int
    rows: int
    vocabulary: int
    """Tokens that there are, those that the source added among them."""

    def __call__(self) -> Candidates:
        """All of them. Raises `session_damaged` where they point at nothing."""
        columns: dict[str, Any] = {name: self._column(name) for name in ARRAYS}
        limits = {"parent": self.rows, "token": self.vocabulary, "fate": len(Fate), "reason": len(Reason)}
        for name, limit in limits.items():
            column = columns[name]
            if len(column) and not 0 <= int(column.min()) <= int(column.max()) < limit:
                raise self.store.damaged(part_name(self.part), f"the candidates' {name} points at nothing")
        scores = self._column("processed") if self.processors else ()
        return Candidates(
            **columns,
            length_term=float(self._column("length_term")[0]),
            processed=tuple(zip(self.processors, scores, strict=True)),
        )

    def decided(self) -> Candidates:
        """Those that search itself looked at."""
        every = self()
        if self.count >= len(every):
            return every
        first = {name: getattr(every, name)[: self.count] for name in ARRAYS}
        return Candidates(**first, length_term=every.length_term)

    def _column(self, name: str) -> NDArray[Any]:
        return self.store.tensor(self.part, f"{self.prefix}candidates.{name}").numpy()


class Restored:
    """What was run of one sentence, as records. Raises `session_damaged` where that cannot be."""

    def __init__(self, file: OpenFile, part: DecodePart, vocabulary: int, stages: Collection[Stage]) -> None:
        self._file = file
        self._part = part
        self._vocabulary = vocabulary
        self._most = vocabulary + max((len(each.added) for each in part.encoders), default=0)
        self._stages = stages
        self._prefix = f"{part.sentence}."
        self.hypotheses = self._hypotheses()
        self.best: dict[Snapshot, tuple[Hypothesis, ...]] = {}
        self.changed: dict[Snapshot, tuple[SettingShown, ...]] = {}
        self.encoders = [self._encoder(number, each) for number, each in enumerate(part.encoders)]
        self.steps: list[StepRecord] = []
        self._encoder_of: list[int] = []
        for number, each in enumerate(part.steps):
            self.steps.append(self._step(number, each))

    def wrong(self, reason: str) -> S2sdapError:
        """A refusal of something in this sentence."""
        return self._file.store.damaged(f"{DOCUMENT}, sentence {self._part.sentence + 1}", reason)

    def told_before(self, number: int) -> int:
        """What a step comes after, as `StepPart.before` tells it."""
        return self._part.steps[number].before

    def _hypotheses(self) -> list[Hypothesis]:
        store, part = self._file.store, self._part.part
        name = f"{self._prefix}hypotheses."
        first = store.numbers(part, f"{name}id", torch.int64)
        whole = {
            each: store.numbers(part, f"{name}{each}", torch.int64, len(first)).tolist()
            for each in WHOLE_COLUMNS
        }
        numbers = {
            each: store.numbers(part, f"{name}{each}", torch.float64, len(first)).tolist()
            for each in NUMBER_COLUMNS
        }
        coverage = {
            number: store.tensor(part, f"{self._prefix}coverage.{number}") for number in self._part.coverage
        }
        if any(step >= 0 for step in whole["step"]) and Stage.SEARCH not in self._stages:
            raise self.wrong("it has tokens, and the model has no stage that chooses them")
        made: list[Hypothesis] = []
        for number in range(len(first)):
            parent, token = whole["parent"][number], whole["token"][number]
            if not ROOT <= parent < number:
                raise self.wrong(f"hypothesis {number} continues {parent}")
            before = None if parent == ROOT else made[parent]
            step = -1 if before is None else before.step + 1
            if whole["step"][number] != step or (step >= 0 and not 0 <= token < self._most):
                raise self.wrong(f"hypothesis {number} has a step or a token that cannot be")
            made.append(
                Hypothesis(
                    id=whole["id"][number],
                    step=step,
                    token=token,
                    parent=before,
                    row=whole["row"][number],
                    candidate=whole["candidate"][number],
                    logprob=numbers["logprob"][number],
                    score=numbers["score"][number],
                    final=numbers["final"][number],
                    finished=bool(whole["finished"][number]),
                    forced=bool(whole["forced"][number]),
                    coverage=coverage.get(number),
                    sentence=whole["sentence"][number],
                )
            )
        return made

    def _encoder(self, number: int, part: EncoderPart) -> EncoderRecord:
        if not part.sources or len(part.sites) != len(part.sources) or not part.live:
            raise self.wrong(f"encoder {number} has no source, or no hypothesis")
        read: list[RecordedSites] = []
        for place, told in enumerate(part.sites):
            names = _known(told)
            prefix = f"{self._prefix}encoder.{number}.{place}."
            for name in names:
                self._check_site(name, part.part, prefix, None)
            read.append(RecordedSites(self._file.store, part.part, prefix, names))
        sources = [source_of(each) for each in part.sources]
        live = self._named(part.live)
        if any(each.parent is not None or not 0 <= each.sentence < len(sources) for each in live):
            raise self.wrong(f"encoder {number} begins with hypotheses that are no beginning")
        after = Snapshot(step=0, live=live, finished=(), state=None, next_id=part.next_id, ended=False)
        return EncoderRecord(
            sources[0],
            None,
            read[0],
            after,
            self.edits(part.edits, number),
            others=tuple(zip(sources[1:], read[1:], strict=True)),
        )

    def _step(self, number: int, part: StepPart) -> StepRecord:
        if part.before >= number or -1 - part.before >= len(self.encoders):
            raise self.wrong(f"step {number} comes after {part.before}")
        before = self.steps[part.before].after if part.before >= 0 else self.encoders[-1 - part.before].after
        if part.step != before.step or before.ended:
            raise self.wrong(f"step {number} is told as step {part.step}")
        prefix = f"{self._prefix}{number}."
        encoder = self._encoder_of[part.before] if part.before >= 0 else -1 - part.before
        self._encoder_of.append(encoder)
        names = _known(part.sites)
        vocabulary = self._vocabulary_of(encoder)
        for name in names:
            self._check_site(name, part.part, prefix, len(before.live), vocabulary)
        if sites.ATTENTION_WEIGHTS in names:
            self._check_width(part, prefix, self.encoders[encoder])
        self._check_candidates(part, prefix)
        live, finished, best = (self._named(each) for each in (part.live, part.finished, part.best))
        for each in (*live, *finished):
            own = each.step == part.step and 0 <= each.row < len(before.live)
            carried = each in before.finished or each in before.live
            if each.token >= vocabulary:
                raise self.wrong(f"step {number} chose a token that its source does not have")
            if not carried and not (own and before.live[each.row] is each.parent):
                raise self.wrong(f"step {number} leads to a hypothesis that continues none of its own")
        searched = Stage.SEARCH in self._stages
        if (searched and not (finished if part.ended else live)) or not (live or part.ended):
            raise self.wrong(f"step {number} leads nowhere")
        after = Snapshot(
            step=part.step + 1,
            live=live,
            finished=finished,
            state=None,
            next_id=part.next_id,
            ended=part.ended,
        )
        self.best[after] = best
        if part.shown is not None:
            self.changed[after] = shown_of(self._file.document.shown[part.shown])
        search = RecordedCandidates(
            self._file.store,
            part.part,
            prefix,
            tuple(part.processors),
            max(0, part.decided),
            len(before.live),
            vocabulary,
        )
        seen = RecordedSites(self._file.store, part.part, prefix, names)
        return StepRecord(part.step, before, seen, search, after, self.edits(part.edits, encoder))

    def _vocabulary_of(self, encoder: int) -> int:
        """How many tokens there are for what a source has."""
        return self._vocabulary + len(self._part.encoders[encoder].added)

    def edits(self, plain: Sequence[Mapping[str, Any]], encoder: int) -> tuple[Edit, ...]:
        """Edits again, each about a token that there is for the source of that number."""
        edits = from_plain(plain)
        if any(not 0 <= getattr(edit, "token", 0) < self._vocabulary_of(encoder) for edit in edits):
            raise self.wrong("an edit is about a token that is not in the vocabulary")
        return edits

    def _named(self, numbers: Sequence[int]) -> tuple[Hypothesis, ...]:
        if any(not 0 <= number < len(self.hypotheses) for number in numbers):
            raise self.wrong("there is no such hypothesis")
        return tuple(self.hypotheses[number] for number in numbers)

    def _check_site(
        self, name: str, part: int, prefix: str, rows: int | None, vocabulary: int | None = None
    ) -> None:
        if sites.SITES[name].stage not in self._stages:
            raise self.wrong(f"the model has no stage for {name}")
        told = self._file.shape(part, f"{prefix}{name}")
        axes = _AXES_OF.get(name)
        if told.dtype in _INTEGERS or (rows is not None and told.shape[:1] != [rows]):
            raise self.wrong(f"{name} is {told.dtype} {told.shape}")
        if axes is not None and (len(told.shape) != axes or 0 in told.shape):
            raise self.wrong(f"{name} has the shape {told.shape}")
        if name == sites.PREDICTION_LOGPROBS and told.shape[-1] != vocabulary:
            raise self.wrong(f"{name} is about {told.shape[-1]} tokens of {vocabulary}")

    def _check_width(self, part: StepPart, prefix: str, encoder: EncoderRecord) -> None:
        """Attention is over tokens that there are: the source's, and without an encoder the output's."""
        width = self._file.shape(part.part, f"{prefix}{sites.ATTENTION_WEIGHTS}").shape[-1]
        longest = max(
            len(source.tokens) for source in (encoder.source, *(each for each, _ in encoder.others))
        )
        if width > longest + (0 if Stage.ENCODER in self._stages else part.step):
            raise self.wrong(f"step {part.step} attends to {width} tokens of {longest}")

    def _check_candidates(self, part: StepPart, prefix: str) -> None:
        """Their columns are of the right kinds and equally long."""
        prefix = f"{prefix}candidates."
        count = self._file.shape(part.part, f"{prefix}token").shape
        wanted = {name: (_KINDS.get(name, "F64"), count) for name in ARRAYS}
        wanted["length_term"] = ("F64", [1])
        if part.processors:
            wanted["processed"] = ("F64", [len(part.processors), *count])
        for name, (kind, shape) in wanted.items():
            told = self._file.shape(part.part, f"{prefix}{name}")
            if told.dtype != kind or told.shape != shape or len(count) != 1:
                raise self.wrong(f"the candidates' {name} is {told.dtype} {told.shape}")


def _known(names: Sequence[str]) -> list[str]:
    """The sites that this release knows; another may have saved more."""
    return [name for name in names if name in sites.SITES]
