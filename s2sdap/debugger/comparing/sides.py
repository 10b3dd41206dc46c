"""What a person names to be compared, found in a session or decoded beside it. The session stays as it is.

A side is found in two parts: `find` looks it up while the session stands still; `finish` then takes the
steps that are missing, on records that never change, so the session may move meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.comparing.place import Place, place_of
from s2sdap.debugger.comparing.runs import Run, Work, begun, best_run, forced_run, run_on
from s2sdap.debugger.comparing.whereabouts import Whereabouts, where_did_it_go
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import Edit
from s2sdap.decoding.generation.settings import SAME_MEANING, GenerationSettings, changed, generation_settings
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.planning import Settings, generates, planner_for
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.decoding.reference import Reference, reference_of
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison; with nothing named, the best output of the current branch.

    `search` (in Python's spelling) and `generation` change the session's settings; `model` is a
    checkpoint's name, which decodes the same source; `reference` forces the sentence's reference, or
    the text that it is. Of a batch of somebody's own call, `sentence` is the number in it.
    """

    branch: int | None = None
    sentence: int | None = None
    hypothesis: int | None = None
    model: str | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    reference: str | bool = False

    @property
    def decodes(self) -> str | None:
        """What of it asks for a decode of its own, `None` where nothing does."""
        given = {"model": self.model, "search": self.search, "generation": self.generation}
        return next((name for name, value in given.items() if value), None)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A side as far as the session has it. Without `encoder` nothing of it has been decoded yet."""

    label: str
    plan: Plan
    encoder: EncoderRecord | None
    records: tuple[StepRecord, ...]
    sentence: int
    hypothesis: Hypothesis | None
    branch: int | None
    reference: str | None
    edits: tuple[tuple[Edit, ...], ...] = ()
    """Those of each step, for records that were dropped."""


def find(session: Session, side: Side, model: Described | None = None) -> Found:
    """Look a side up. `model` is the one that it names, loaded."""
    _check(session, side)
    where = place_of(session, side.sentence)
    reference = _reference(where.sentence, side)
    if side.decodes is not None:
        decoder = model or session.model
        plan = _planned(session, decoder, side, where)
        return Found(_name(side, where), plan, None, (), 0, None, None, reference)
    branch = where.branch(side.branch)
    if branch is None or where.timeline is None:
        session.need_model("decode a sentence that it does not hold")
        plan = _planned(session, session.model, side, where)
        return Found(_name(side, where), plan, None, (), 0, None, None, reference)
    hypothesis = None
    if side.hypothesis is not None:
        live = session.hypotheses() if where.current and branch is session.walk.branch else ()
        known = (*live, *branch.tip.live, *branch.tip.finished)
        hypothesis = next((each for each in known if each.id == side.hypothesis), None)
        if hypothesis is None:
            raise S2sdapError("no_hypothesis", hypothesis=side.hypothesis, run=f"branch {branch.id}")
    row = where.row if hypothesis is None else hypothesis.sentence
    label = _name(side, where, branch)
    records, edits = tuple(branch.records), where.timeline.edits_by_step(branch)
    return Found(label, branch.plan, branch.encoder, records, row, hypothesis, branch.id, reference, edits)


def finish(found: Found) -> Work[Run]:
    """The run of a side, to its end unless it names a hypothesis."""
    encoder = begun(found.plan) if found.encoder is None else found.encoder
    if found.reference is not None:
        reference = reference_of(found.plan, encoder, found.reference)
        if not reference.tokens:
            raise S2sdapError("no_reference", sentence=found.label)
        try:
            run = yield from forced_run(found.label, found.plan, encoder, reference, sentence=found.sentence)
        except S2sdapError as error:
            if error.name != _ONLY_RECORDED:
                raise
            # Forcing is an edit a step to the plan, and nothing that a person would call so.
            what = "be forced along a reference"
            raise S2sdapError(_ONLY_RECORDED, model=found.plan.model.name, what=what) from None
        return run
    if found.hypothesis is not None:
        records = found.records[: found.hypothesis.length]
        return Run(found.label, found.plan, encoder, records, found.hypothesis, found.branch)
    records = yield from _to_the_end(found, encoder)
    return best_run(found.label, found.plan, encoder, records, sentence=found.sentence, branch=found.branch)


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """A reference that was looked for: where it went, and itself, `forced`; without a model it cannot be."""

    reference: Reference
    whereabouts: Whereabouts
    plan: Plan
    forced: Run | None

    @property
    def whole(self) -> bool:
        """Whether it could be forced to its end; a library's settings may end it before."""
        return self.forced is not None and len(self.forced.nodes) == len(self.reference.tokens)


def seek(found: Found) -> Work[Sought]:
    """Where the reference of a side went in its search, which is run to its end."""
    if found.reference is None:
        raise AssertionError("a reference is sought that nobody named")
    encoder = begun(found.plan) if found.encoder is None else found.encoder
    records = yield from _to_the_end(found, encoder)
    sought = yield from sought_in(found.plan, encoder, records, found.reference, found.sentence)
    return sought


def sought_in(
    plan: Plan, encoder: EncoderRecord, records: Sequence[StepRecord], text: str, sentence: int
) -> Work[Sought]:
    """Where the reference `text` went in a search."""
    reference = reference_of(plan, encoder, text)
    if not reference.tokens:
        raise S2sdapError("no_reference", sentence=repr(text))
    where = where_did_it_go(plan, encoder, records, reference.tokens, sentence)
    forced = None
    try:
        forced = yield from forced_run("reference", plan, encoder, reference, sentence=sentence)
    except S2sdapError as error:
        if error.name != _ONLY_RECORDED:
            raise
    return Sought(reference, where, plan, forced)


def _to_the_end(found: Found, encoder: EncoderRecord) -> Work[tuple[StepRecord, ...]]:
    """The records of a side to the end of its search; of a recording, those that there are."""

    def again(before: Snapshot) -> tuple[Edit, ...]:
        return found.edits[before.step] if before.step < len(found.edits) else ()

    try:
        records = yield from run_on(found.plan, encoder, found.records, again)
    except S2sdapError as error:
        if error.name != _ONLY_RECORDED:
            raise
        records = found.records
    return records


def settings_of(session: Session, model: Described, side: Side) -> Settings:
    """The session's settings as far as they mean something to `model`, changed by those of the side."""
    base = session.settings
    if generates(model):
        if isinstance(base, SearchSettings):
            same = {name: value for name, value in changed(base).items() if name in _CARRIED}
            base = generation_settings(same, {}, model.name)
        base = base or GenerationSettings()
        new = generation_settings(side.search, side.generation, model.name)
        own = {name: getattr(new, name) for name in _OWN if name in side.search}
        return msgspec.structs.replace(base, given={**base.given, **new.given}, **own)
    if side.generation:
        raise S2sdapError("other_search", given="generation", wanted="search", model=model.name)
    ours = msgspec.structs.asdict(base) if isinstance(base, SearchSettings) else {}
    return SearchSettings(**{**ours, **side.search})


_ONLY_RECORDED: Final = "post_mortem"
_OWN: Final = ("prefix", "seed", "max_source_length")
_CARRIED: Final = frozenset((*SAME_MEANING, *_OWN))
"""Of our own settings, those that a library's search has as well."""


def _check(session: Session, side: Side) -> None:
    """Refuse what cannot be meant together, or not here."""
    own = side.decodes
    if own is not None and session.of_call:
        raise S2sdapError("call_not_ours", what=own)
    if own is not None and side.model is None:  # another checkpoint can decode the source of a recording, too
        session.need_model("decode under other settings")
    for one, given in (("branch", side.branch), ("hypothesis", side.hypothesis)):
        if given is not None and own is not None:
            raise S2sdapError("side_clash", one=one, other=own)
    if side.hypothesis is not None and side.reference is not False:
        raise S2sdapError("side_clash", one="hypothesis", other="reference")


def _reference(sentence: Sentence, side: Side) -> str | None:
    if side.reference is False:
        return None
    text = sentence.reference if side.reference is True else side.reference
    if text is None:
        raise S2sdapError("no_reference", sentence=f"line {sentence.line + 1}")
    return text


def _planned(session: Session, model: Described, side: Side, where: Place) -> Plan:
    program, sentence = session.program, where.sentence
    return planner_for(model, settings_of(session, model, side))(
        where.text,
        sentence=sentence.index,
        line=sentence.line + 1,
        where=program.name,
        folder=program.folder,
    )


def _name(side: Side, where: Place, branch: Branch | None = None) -> str:
    """What people call a side."""
    parts: list[str] = []
    if side.reference is not False:
        parts.append("reference")
    if side.hypothesis is not None:
        parts.append(f"hypothesis {side.hypothesis}")
    if side.model is not None:
        parts.append(side.model)
    written = {each.name: each.encode_name for each in msgspec.structs.fields(SearchSettings)}
    parts += [f"{written[name]}={value}" for name, value in side.search.items()]
    parts += [f"{name}={value}" for name, value in side.generation.items()]
    if branch is not None:
        parts.append(f"branch {branch.id}" + (f" {branch.name!r}" if branch.name else ""))
    if side.sentence is not None:
        parts.append(f"sentence {side.sentence}")
    return ", ".join(parts) or f"line {where.sentence.line + 1}"
