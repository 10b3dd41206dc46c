"""A sentence, or a batch of them, decoded exactly as the model's own `generate` decodes it."""

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor
from transformers import GenerationMixin
from transformers.generation import stopping_criteria

from s2sdap.decoding.asked import asked, check_bans_hold, check_for_encoder, with_changes
from s2sdap.decoding.edits import Edit, Recorder
from s2sdap.decoding.generation import beams, sampling
from s2sdap.decoding.generation.beam_telling import Beams
from s2sdap.decoding.generation.changed_call import ChangedCall, changes_in, check_changeable, shown_with
from s2sdap.decoding.generation.choice import Told
from s2sdap.decoding.generation.config import known_settings, shown
from s2sdap.decoding.generation.forward import Gathered, Live, Luck, Running, chance, forward
from s2sdap.decoding.generation.history import Moment, reorder
from s2sdap.decoding.generation.intercept import BEAM_SEARCH, Prepared, prepare
from s2sdap.decoding.generation.lean import Latest, LeanSites
from s2sdap.decoding.generation.outputs import returned
from s2sdap.decoding.generation.resizing import begun_in_the_middle, of_rows, resized
from s2sdap.decoding.generation.scoring import is_foreign, process
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import EncoderRecord, Hypothesis, NotFinite, Snapshot, StepRecord, without_search
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.huggingface.loading import quiet
from s2sdap.models.tokens import Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

REMEMBERED: Final = 2
"""Steps that were run again for what they had let go, and stay at hand."""


class GeneratePlan:
    """One call of `generate`. `sources` has one entry a row of its batch.

    `prefix` are target tokens that every output begins with, `seed` is set before the call, `None`
    leaves the process' own random numbers in force. `latest` are the steps that the run keeps whole, which
    it may share with other sentences. Where its sites are not `watched`, the taps see
    nothing, a step is told of its logits and search alone, and none but the latest can be run again:
    that is for batches that nobody steps through.
    """

    def __init__(
        self,
        face: HuggingFaceModel,
        sources: tuple[Source, ...],
        kwargs: Mapping[str, Any],
        *,
        given: Mapping[str, Any],
        prefix: tuple[int, ...] = (),
        seed: int | None = None,
        generate: Callable[..., Any] | None = None,
        watched: bool = True,
        latest: Latest | None = None,
    ) -> None:
        self.model = face
        self._watched = watched
        self._watching = face.taps.watching if watched else nullcontext
        self.sources = sources
        self.prefix = prefix
        own: Any = face.model
        self._generate: Callable[..., Any] = generate or own.generate
        self._kwargs = {name: value for name, value in kwargs.items() if name != "streamer"}
        self._given = dict(given)
        self._theirs = seed is None
        self._luck = None if seed is None else _seeded(seed, face.device)
        self._live = Live()
        self._lock = threading.RLock()
        self._latest = latest or Latest()
        self._remembered: OrderedDict[tuple[int, tuple[Edit, ...]], LeanSites] = OrderedDict()

    @classmethod
    def of_call(
        cls, face: HuggingFaceModel, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "GeneratePlan":
        """The plan of somebody's own call. Raises `cannot_step` where it must run plainly."""
        names = tuple(inspect.signature(GenerationMixin.generate).parameters)[1:]
        kwargs = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, why in _PLAIN.items():
            if kwargs.get(name) is not None:
                raise S2sdapError("cannot_step", reason=f"`{name}` {why}")
        own: Any = face.model
        # A model's own `generate` may wrap this one; whoever called this one gets what this one gives.
        generate = functools.partial(GenerationMixin.generate, own)
        given = _settings_in(kwargs)
        return cls(face, face.sources_of(kwargs), kwargs, given=given, generate=generate)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The taps on the model, for a while."""
        with self.model.taps.installed():
            yield

    # ---- reading the source ------------------------------------------------------------------

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """Let `generate` prepare: it reads the source. The record holds the snapshot before step 0."""
        check_for_encoder(edits)
        count = len(self.sources)
        recorder = self._reading(edits)
        with self._lock, torch.no_grad():
            if self._luck is None:  # of the first time, so that another reading meets the same
                self._luck = Luck.now(self.model.device)
            prepared, luck = self._prepare(recorder)
            recorder.gather()
            recorder.check_consumed()
            state, live = self._beginning(prepared, luck)
        # Some decoders look at the source too before they begin, to tell its language.
        own = {name: value for name, value in recorder.sites.items() if name in _OF_ENCODER}
        # Whisper's own `generate` repeats a source for each of several outputs.
        times = (live[-1].sentence + 1) // count
        sources = [source for source in self.sources for _ in range(times)]
        read = [
            {name: value[number % len(value)] for name, value in own.items()}
            for number in range(len(sources))
        ]
        after = Snapshot(step=0, live=live, finished=(), state=state, next_id=len(live) + 1, ended=False)
        return EncoderRecord(
            sources[0],
            prepared,
            read[0],
            after,
            tuple(edits),
            others=tuple(zip(sources[1:], read[1:], strict=True)),
        )

    def _reading(self, edits: Sequence[Edit]) -> Recorder:
        first: dict[int | None, int] = {None: 0}
        return Recorder(edits, first | {number: number for number in range(1, len(self.sources))})

    def _prepare(self, recorder: Recorder, changes: Mapping[str, Any] | None = None) -> tuple[Prepared, Luck]:
        """What `generate` prepares, with a person's `changes`, and the luck that is left for the steps."""
        model = self.model.model
        arguments = {**self._kwargs, **(changes or {})}
        if arguments.get("stop_strings"):
            arguments.setdefault("tokenizer", self.model.tokenizer)
        generate = functools.partial(self._generate, **arguments)
        theirs = self._theirs and not changes
        # The luck of the encoder is that of the call, for models that have any (dropout, in training).
        # In a launch, what transformers advises about settings would be said again for every sentence.
        said = nullcontext() if theirs else quiet()
        with self.model.taps.watching(recorder), chance(self._luck), said:
            try:
                return prepare(model, generate), Luck.now(self.model.device)
            except (S2sdapError, torch.cuda.OutOfMemoryError):
                raise
            except (ValueError, TypeError) as error:  # how `generate` refuses its arguments
                if theirs:  # somebody's own call: theirs to see
                    raise
                reason = " ".join(str(error).split())
                raise S2sdapError("generate_refused", reason=reason) from error

    def _beginning(self, prepared: Prepared, luck: Luck) -> tuple[Running, tuple[Hypothesis, ...]]:
        search: Any
        if prepared.method == BEAM_SEARCH:
            search, live = beams.begin(prepared)
        else:
            search, live = sampling.begin(prepared, len(self.sources))
        state = Running(
            ids=prepared.ids,
            kwargs=prepared.kwargs,
            cache=None if prepared.cache is None else Moment.first(prepared.cache),
            cache_name=prepared.cache_name,
            luck=luck if self._draws(prepared) else None,
            search=search,
            gathered=None,
            first=True,
        )
        return state, live

    def _draws(self, prepared: Prepared) -> bool:
        """Whether random numbers decide. A caller's own processor or criterion may draw as well."""
        foreign = any(map(is_foreign, prepared.processors)) or any(
            type(each).__module__ != stopping_criteria.__name__ for each in prepared.criteria
        )
        return bool(prepared.config.do_sample or self.model.model.training or foreign)

    def _changed(
        self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit]
    ) -> tuple[Prepared, Running, ChangedCall | None]:
        """The call, the state and the changed settings that a step goes by."""
        changed: ChangedCall | None = before.settings
        prepared: Prepared = encoder.encoded if changed is None else changed.prepared
        running: Running = before.state
        changes = changes_in(edits, before.step)
        if not changes:
            return prepared, running, changed
        given = {**({} if changed is None else changed.given), **changes}
        again, luck = self._prepare(self._reading(encoder.edits), given)
        searching = isinstance(running.search, Beams)
        check_changeable(prepared, again, before, searching=searching)
        if before.step == 0:  # nothing has been chosen yet
            running, live = self._beginning(again, luck)
            if len(live) != len(before.live):
                raise S2sdapError(
                    "setting_fixed",
                    setting="num_return_sequences",
                    step=0,
                    reason="so many outputs take as many hypotheses from the beginning",
                )
        else:
            search = running.search
            if not searching and again.method == BEAM_SEARCH:
                search = begun_in_the_middle(again, before, running.ids, search)
            if running.luck is None and self._draws(again):
                running = replace(running, luck=luck)
            running = replace(running, search=search)
        return again, running, ChangedCall(again, given)

    # ---- one step ----------------------------------------------------------------------------

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """Run one step from the snapshot `before`, with `edits` in it."""
        if before.ended:
            raise S2sdapError("ended")
        with self._lock:
            record, whole = self._step(encoder, before, edits, self._live)
            self._latest.add(whole, ended=record.after.ended)
            if record.after.ended:
                self._live = Live()
        return record

    def _step(
        self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit], live: Live
    ) -> tuple[StepRecord, LeanSites]:
        prepared, running, changed = self._changed(encoder, before, edits)
        model = self.model.model
        rows: tuple[int, ...] = (
            running.search.rows if isinstance(running.search, Beams) else running.search.live
        )
        row_of = {hypothesis.id: row for hypothesis, row in zip(before.live, rows, strict=True)}
        recorder = Recorder(edits, row_of)
        prefixed = dict.fromkeys(rows, self.prefix[before.step]) if before.step < len(self.prefix) else {}
        wishes = asked(edits, row_of, len(self.model.target), prefixed)
        cache = None if running.cache is None else live.take(running.cache)
        with torch.no_grad(), chance(running.luck):
            outputs, kwargs, name, cache = forward(model, prepared, running, cache, self._watching, recorder)
            recorder.gather()
            logits = outputs.logits[:, -1].to(copy=True, dtype=torch.float32, device=running.ids.device)
            logits = with_changes(recorder(sites.PREDICTION_LOGITS, logits), edits, row_of)
            recorder.sites[sites.PREDICTION_LOGITS] = logits
            searching = isinstance(running.search, Beams)
            scores = torch.log_softmax(logits, dim=-1) if searching else logits
            processed = process(prepared.processors, running.ids, scores, normalised=searching)
            check_bans_hold(processed.logprobs, edits, row_of)
            if not searching:  # as the model gave them, even where a processor wrote into them
                recorder.sites[sites.PREDICTION_LOGITS] = processed.raw
            recorder.sites[sites.PREDICTION_LOGPROBS] = processed.logprobs
            recorder.check_consumed()
            # One number that is none makes its whole row so, and one of a row tells it.
            if bool(torch.isnan(scores[:, 0] if searching else processed.logprobs[:, 0]).any()):
                raise NotFinite(without_search(before, _of_rows(recorder.sites, rows), tuple(edits)))
            gathered = Gathered.of(model, prepared, running, outputs, processed.final, logits)
            past = gathered.all_scores() if gathered is not None else None
            resize = None
            if isinstance(running.search, Beams):
                resize = resized(running.search, prepared.config.num_beams, processed, wishes)
                choice = beams.choose(
                    model, prepared, before, resize.state, resize.processed, resize.asked, past
                )
            else:
                choice = sampling.choose(
                    prepared, before, running.ids, running.search, processed, wishes, past
                )
            luck = Luck.now(running.luck.device) if running.luck is not None else None
        order, moment = choice.order, None
        if order is not None and resize is not None and resize.rows is not None:
            order = resize.rows[order]
            kwargs = of_rows(kwargs, resize.rows, len(running.ids))
        if cache is not None:
            moment = self._moment_after(prepared, running, cache, order)
            if order is not None:
                cache = reorder(cache, model, order)
                if len(order) != len(running.ids):
                    moment = moment.crossing(cache)
            live.put(moment, cache)
        after = Snapshot(
            step=before.step + 1,
            live=choice.live,
            finished=choice.finished,
            state=Running(choice.ids, kwargs, moment, name, luck, choice.search, gathered, first=False),
            next_id=choice.next_id,
            ended=choice.ended,
            settings=changed,
        )
        again = functools.partial(self._again, encoder, before, tuple(edits))
        whole = LeanSites(_of_rows(recorder.sites, rows), again, processed)
        candidates = Told(before, rows, choice, lambda: whole.processed)
        return StepRecord(before.step, before, whole, candidates, after, tuple(edits)), whole

    def _moment_after(self, prepared: Prepared, running: Running, cache: Any, order: Tensor | None) -> Moment:
        """What is kept of the cache after a step; nothing, where no step is run again."""
        if not self._watched:
            return Moment.empty()
        earlier = running.cache or Moment.empty()
        return earlier.then(cache, self.model.model, order, given_back=self._gives_back(prepared))

    def _gives_back(self, prepared: Prepared) -> bool:
        """Whether the caller gets the cache, in the output or because it was the caller's own."""
        return bool(prepared.config.return_dict_in_generate) or "past_key_values" in self._kwargs

    # ---- what is let go, and computed again ---------------------------------------------------

    def _again(self, encoder: EncoderRecord, before: Snapshot, edits: tuple[Edit, ...]) -> LeanSites:
        """The sites of a step that is run again for them, beside the run."""
        if not self._watched:
            raise AssertionError("nobody was to look at the sites of this decode")
        with self._lock:
            key = (id(before), edits)
            known = self._remembered.get(key)
            if known is None:
                with self.installed():
                    _, known = self._step(encoder, before, edits, Live())
                self._remembered[key] = known
                while len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
            return known

    # ---- the end -----------------------------------------------------------------------------

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The sequences that `generate` returns, sentence by sentence."""
        running: Running = after.state
        if isinstance(running.search, Beams):
            return running.search.best()
        return after.finished

    def returned(self, encoder: EncoderRecord, after: Snapshot) -> Any:
        """What `generate` returns for the decode that has come to `after`."""
        with self._lock, torch.no_grad():
            prepared: Prepared = encoder.encoded
            if after.settings is not None:
                prepared = replace(prepared, config=after.settings.prepared.config)
            return returned(self.model.model, prepared, after)

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """Every generation setting that is in force, with where its value comes from."""
        by = "call" if self._theirs else "launch"
        config = self._kwargs.get("generation_config")
        first = shown(self.model.model, config, self._given, self.prefix, by)
        return shown_with(first, None if after is None else after.settings)


_OF_ENCODER: Final = (sites.ENCODER_STATES, sites.ENCODER_LAYERS)

_PLAIN: Final = {
    "assistant_model": "lets another model draft several tokens a step",
    "prompt_lookup_num_tokens": "drafts several tokens a step",
    "custom_generate": "brings a loop of its own",
    "negative_prompt_ids": "keeps a second decode in its processor",
}
"""Arguments of `generate` under which nothing can be stepped, and why."""


def _settings_in(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments of a call that are generation settings."""
    known = known_settings()
    return {name: value for name, value in kwargs.items() if name in known}


def _seeded(seed: int, device: torch.device) -> Luck:
    """The generator of `device` as `manual_seed` leaves it."""
    if device.type == "cpu":  # one of our own has the same state, and nobody's numbers move meanwhile
        return Luck(device, torch.Generator().manual_seed(seed).get_state())
    outside = Luck.now(device)
    torch.manual_seed(seed)
    luck = Luck.now(device)
    outside.restore()
    return luck


def _of_rows(values: Mapping[str, Tensor], rows: tuple[int, ...]) -> dict[str, Tensor]:
    """The sites of the rows that are live hypotheses, in their order."""
    if all(len(value) == len(rows) for value in values.values()) and rows == tuple(range(len(rows))):
        return dict(values)
    index = list(rows)
    return {name: value[index] for name, value in values.items()}
