"""The step: a pure function of (snapshot, edits) that gives an immutable record.

`Decode` holds what stays the same while one sentence decodes; `begin` reads the source and gives
the first snapshot, `step` goes from one snapshot to the next.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from s2sdap.decoding.asked import asked, check_bans_hold, check_for_encoder, with_changes
from s2sdap.decoding.changed_settings import Changed, prefix_of, shown, with_edits, within
from s2sdap.decoding.edits import Edit, Recorder
from s2sdap.decoding.penalties import attention_mass
from s2sdap.decoding.plan import Planner, SettingShown
from s2sdap.decoding.processors import logprobs_under_settings
from s2sdap.decoding.records import (
    EncoderRecord,
    Hypothesis,
    NotFinite,
    Snapshot,
    StepRecord,
    root,
    without_search,
)
from s2sdap.decoding.search import select
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Model, Source, extends, reading
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Decode:
    """One sentence under one model and one set of settings.

    `prefix` are target tokens that the output begins with; `sentence` numbers the sentence in its
    program, and only the random draws look at it.
    """

    model: Model
    settings: SearchSettings
    source: Source
    prefix: tuple[int, ...] = ()
    sentence: int = 0

    @staticmethod
    def of(
        model: Model,
        text: str,
        settings: SearchSettings,
        *,
        sentence: int = 0,
        line: int = 1,
        where: str = "the source",
    ) -> "Decode":
        """Tokenise `text`, check its length and take the prefix from the settings.

        `line` (from 1) of `where` is what a refusal names.
        """
        settings = within(model, settings)
        prefix = _prefix(model, settings)
        return _planned(model, settings, prefix, text, sentence=sentence, line=line, where=where)

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """Run the encoder. Its record holds the snapshot before step 0."""
        check_for_encoder(edits)
        recorder = Recorder(edits, rows=None)
        with torch.inference_mode():
            encoded = self.model.encode(self.source, recorder)
            recorder.check_consumed()
            state = self.model.begin(encoded)
        count = self.settings.n_best if self.settings.sample else 1
        live = tuple(root(self.model.target.bos, number) for number in range(1, count + 1))
        if count > 1:
            state = self.model.select(state, torch.zeros(count, dtype=torch.long, device=self.model.device))
        after = Snapshot(step=0, live=live, finished=(), state=state, next_id=count + 1, ended=False)
        return EncoderRecord(self.source, encoded, recorder.sites, after, tuple(edits))

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """Run one step from the snapshot `before`, with `edits` in it."""
        if before.ended:
            raise S2sdapError("ended")
        rows = {hypothesis.id: row for row, hypothesis in enumerate(before.live)}
        changed = before.settings or Changed(self.settings, self.prefix)
        now = with_edits(changed, before, edits, self.model)
        writable = dict(self.model.layout.sizes).get("V", len(self.model.target))  # others have no logit
        wishes = asked(edits, rows, min(writable, len(self.model.target)), _prefixed(now, before))
        recorder = Recorder(edits, rows)
        device, eos = self.model.device, self.model.target.eos
        with torch.inference_mode():
            tokens = torch.tensor([hypothesis.token for hypothesis in before.live], device=device)
            logits, state = self.model.step(encoder.encoded, before.state, tokens, recorder)
            logits = with_changes(recorder(sites.PREDICTION_LOGITS, logits), edits, rows)
            recorder.sites[sites.PREDICTION_LOGITS] = logits
            logprobs = logprobs_under_settings(logits, before, now.settings, eos)
            check_bans_hold(logprobs, edits, rows)
            logprobs = recorder(sites.PREDICTION_LOGPROBS, logprobs)
            recorder.check_consumed()
            if bool(torch.isnan(logprobs).any()):
                raise NotFinite(without_search(before, recorder.sites, tuple(edits)))
            attended = _attended(recorder)
            coverage = None
            if attended is not None and now.settings.coverage_penalty:
                coverage = attended if before.step == 0 else attended + _covered(before)
            selection = select(
                before, now.settings, eos, logits, logprobs, attended, coverage, wishes, self.sentence
            )
            parents = [hypothesis.row for hypothesis in selection.live]
            if parents != list(range(len(before.live))):
                state = self.model.select(state, torch.tensor(parents, dtype=torch.long, device=device))
        after = Snapshot(
            step=before.step + 1,
            live=selection.live,
            finished=selection.finished,
            state=state,
            next_id=selection.next_id,
            ended=selection.ended,
            settings=before.settings if now is changed else now,
        )
        return StepRecord(before.step, before, recorder.sites, selection.candidates, after, tuple(edits))

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The `n_best` finished hypotheses, best first."""
        settings = self.settings if after.settings is None else after.settings.settings
        return after.finished[: settings.n_best]

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """The search settings; one that equals its default is told as such."""
        return shown(self.settings, None if after is None else after.settings)


def _prefixed(now: Changed, before: Snapshot) -> dict[int, int]:
    """The prefix's token for every row, while there is one."""
    if before.step >= len(now.prefix):
        return {}
    return dict.fromkeys(range(len(before.live)), now.prefix[before.step])


def _attended(recorder: Recorder) -> Tensor | None:
    """The attention that each source token receives in this step: [K, S]."""
    weights = recorder.sites.get(sites.ATTENTION_WEIGHTS)
    if weights is None or weights.dim() != 4:  # another shape is for a check of the model to tell
        return None
    return attention_mass(weights)


def _covered(before: Snapshot) -> Tensor:
    """The attention that each source token received before this step: [K, S].

    Where a person set the penalty just now, it is summed from the first step on.
    """
    rows: list[Tensor] = []
    for hypothesis in before.live:
        covered = hypothesis.coverage
        if covered is None:
            masses = [node.attended[node.row] for node in hypothesis.path() if node.attended is not None]
            covered = functools.reduce(torch.add, reversed(masses))
        rows.append(covered)
    return torch.stack(rows)


def own_search(model: Model, settings: SearchSettings) -> Planner:
    """Plans that decode with our own search. Refuses settings that no sentence could decode under."""
    settings = within(model, settings)
    return functools.partial(_planned, model, settings, _prefix(model, settings))


def _prefix(model: Model, settings: SearchSettings) -> tuple[int, ...] | None:
    """The prefix's tokens; `None` where each sentence has words of its own, and has to say by itself."""
    return None if settings.prefix and extends(model) else prefix_of(model, settings)


def _planned(
    model: Model,
    settings: SearchSettings,
    prefix: tuple[int, ...] | None,
    text: str,
    *,
    sentence: int,
    line: int,
    where: str,
    folder: str | None = None,
) -> Decode:
    del folder  # a line is text, and names no file
    source = model.tokenize(text)
    length, limit = len(source.tokens), settings.max_source_length
    if not length:
        raise S2sdapError("no_tokens", line=line, path=where)
    if model.max_source_length is not None:
        limit = min(limit, model.max_source_length)
    if length > limit:
        raise S2sdapError("source_too_long", line=line, path=where, length=length, limit=limit)
    model = reading(model, source)
    prefix = prefix_of(model, settings) if prefix is None else prefix
    return Decode(model, settings, source, prefix, sentence)
