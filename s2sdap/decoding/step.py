"""The step: a pure function of (snapshot, edits) that gives an immutable record.

`Decode` holds what stays the same while one sentence decodes; `begin` reads the source and gives
the first snapshot, `step` goes from one snapshot to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import torch

from s2sdap.decoding.edits import Edit, Recorder, TokenEdit
from s2sdap.decoding.penalties import attention_mass
from s2sdap.decoding.plan import Planner, SettingShown
from s2sdap.decoding.processors import logprobs_under_settings
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord, root
from s2sdap.decoding.search import select
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Model, Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


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

    @classmethod
    def of(
        cls,
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
        source = model.tokenize(text)
        if not source.tokens:
            raise S2sdapError("no_tokens", line=line, path=where)
        limits = (settings.max_source_length, model.max_source_length)
        limit = min(each for each in limits if each is not None)
        if len(source.tokens) > limit:
            raise S2sdapError(
                "source_too_long", line=line, path=where, length=len(source.tokens), limit=limit
            )
        return cls(model, settings, source, prefix_of(model, settings), sentence)

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """Run the encoder. Its record holds the snapshot before step 0."""
        if any(isinstance(edit, TokenEdit) for edit in edits):
            raise S2sdapError("no_step_here", stage=Stage.ENCODER)
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
        recorder = Recorder(edits, rows)
        device = self.model.device
        with torch.inference_mode():
            tokens = torch.tensor([hypothesis.token for hypothesis in before.live], device=device)
            logits, state = self.model.step(encoder.encoded, before.state, tokens, recorder)
            logits = recorder(sites.PREDICTION_LOGITS, logits)
            logprobs = recorder(
                sites.PREDICTION_LOGPROBS,
                logprobs_under_settings(logits, before, self.settings, self.model.target.eos),
            )
            recorder.check_consumed()
            if bool(torch.isnan(logprobs).any()):
                raise S2sdapError(
                    "model_failed", where=f"step {before.step}", reason="its logits are no numbers"
                )
            selection = select(
                before,
                self.settings,
                self.model.target.eos,
                logits,
                logprobs,
                self._coverage(before, recorder),
                self._prefixed(before),
                self._chosen(rows, edits),
                self.sentence,
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
        )
        return StepRecord(before.step, before, recorder.sites, selection.candidates, after, tuple(edits))

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The `n_best` finished hypotheses, best first."""
        return after.finished[: self.settings.n_best]

    def settings_shown(self) -> tuple[SettingShown, ...]:
        """The search settings; one that equals its default is told as such."""
        fields = msgspec.structs.fields(self.settings)
        values = ((field, getattr(self.settings, field.name)) for field in fields)
        return tuple(
            SettingShown(field.encode_name, value, "default" if value == field.default else "launch")
            for field, value in values
        )

    def _prefixed(self, before: Snapshot) -> dict[int, int]:
        """The prefix's token for every row, while there is one."""
        if before.step >= len(self.prefix):
            return {}
        return dict.fromkeys(range(len(before.live)), self.prefix[before.step])

    def _chosen(self, rows: dict[int, int], edits: Sequence[Edit]) -> dict[int, int]:
        """The token that a person chose, by row."""
        chosen = {}
        for edit in edits:
            if isinstance(edit, TokenEdit):
                if edit.hypothesis not in rows:
                    raise S2sdapError("unknown_thread", id=edit.hypothesis)
                if not 0 <= edit.token < len(self.model.target):
                    raise S2sdapError("unknown_token", token=f"#{edit.token}", nearest="")
                chosen[rows[edit.hypothesis]] = edit.token
        return chosen

    def _coverage(self, before: Snapshot, recorder: Recorder) -> "torch.Tensor | None":
        """The attention that each source token has received, this step's included: [K, S]."""
        if not self.settings.coverage_penalty or sites.ATTENTION_WEIGHTS not in recorder.sites:
            return None
        mass = attention_mass(recorder.sites[sites.ATTENTION_WEIGHTS])
        earlier = [hypothesis.coverage for hypothesis in before.live]
        known = [coverage for coverage in earlier if coverage is not None]
        return mass + torch.stack(known) if known else mass


def own_search(model: Model, settings: SearchSettings) -> Planner:
    """Plans that decode with our own search. Refuses settings that no sentence could decode under."""
    prefix_of(model, settings)
    return partial(_planned, model, settings)


def _planned(
    model: Model,
    settings: SearchSettings,
    text: str,
    *,
    sentence: int,
    line: int,
    where: str,
    folder: str | None = None,
) -> Decode:
    del folder  # a line is text, and names no file
    return Decode.of(model, text, settings, sentence=sentence, line=line, where=where)


def prefix_of(model: Model, settings: SearchSettings) -> tuple[int, ...]:
    """The tokens of the settings' prefix. Raises where the model cannot write it, or has no room to."""
    prefix = model.target.encode(settings.prefix)
    if model.target.unknown is not None and model.target.unknown in prefix:
        raise S2sdapError(
            "bad_setting", setting="prefix", value=settings.prefix, expected="made of target tokens"
        )
    if prefix and len(prefix) >= settings.max_length:
        raise S2sdapError(
            "settings_clash",
            reason=f"`prefix` has {len(prefix)} tokens, `maxLength` is {settings.max_length}",
        )
    return prefix
