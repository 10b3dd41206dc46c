"""Why a run stops where it has just arrived: what is armed, and where the motion was going.

What is asked at a position: at the first of a sentence its breakpoints and the rules about the source;
at a stage the breakpoints of that stage; where search has chosen, for each leading hypothesis,
conditions of sentence breakpoints, source tokens, data and rules; and in the end the rules about
outputs. The first that asks for a stop has it, with all breakpoints of its kind that were met.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from s2sdap.debugger.breakpoints import (
    Armed,
    Extras,
    SentenceBreakpoint,
    StageBreakpoint,
    TokenBreakpoint,
)
from s2sdap.debugger.choice_values import ChoiceValues
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.expressions import Expression
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.findings import finding_of
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.leading import leaders, leaders_after, outputs
from s2sdap.debugger.silence import silent
from s2sdap.debugger.stops import Cursor, Finding, Motion, Stop, StopReason
from s2sdap.debugger.waking import awake
from s2sdap.debugger.walk import Walk
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.records import Hypothesis, NotFinite
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

Log = Callable[[str, Cursor], None]
"""What is done with the message of a log point."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stop that something asks for: why, in words, who, about which hypothesis, and what rules found."""

    reason: StopReason
    text: str
    breakpoints: tuple[int, ...] = ()
    about: int | None = None
    found: tuple[Finding, ...] = ()


@dataclass(slots=True, eq=False)
class Asking:
    """A run that has arrived somewhere. Going back, hit counts are not asked and nothing is logged.

    `faults` are what could not be told here: they are shown once everything else has been asked.
    """

    walk: Walk
    armed: Armed
    counts: Counts
    log: Log
    backward: bool
    faults: list[S2sdapError] = field(default_factory=list)

    def holds(self, condition: Expression, fields: FieldValues, words: str = "") -> bool:
        """Whether a condition holds; one that cannot be told does not, and is a fault, about `words`."""
        try:
            return bool(condition(fields))
        except S2sdapError as fault:
            self.faults.append(fault.about(words) if words else fault)
            return False

    def held(self, rules: Sequence[ArmedRule], fields: FieldValues) -> list[ArmedRule]:
        """The rules that hold."""
        try:
            return [rule for rule in rules if rule.condition(fields)]
        except S2sdapError:  # one cannot be told: each by itself
            return [rule for rule in rules if self.holds(rule.condition, fields, rule.words)]

    def met(self, number: int, extras: Extras, fields: FieldValues, hypothesis: Hypothesis | None) -> bool:
        """Whether a breakpoint whose place was reached asks for a stop."""
        if extras.condition is not None and not self.holds(extras.condition, fields):
            return False
        return self.counted(number, extras, fields, hypothesis)

    def counted(
        self, number: int, extras: Extras, fields: FieldValues, hypothesis: Hypothesis | None
    ) -> bool:
        """The same for one whose condition has held."""
        if self.backward:
            return extras.log is None
        count = self.counts.next(number)
        if extras.hits is not None and not extras.hits.met(count):
            return False
        if extras.log is not None:
            cursor = self.walk.cursor
            if hypothesis is not None:
                cursor = Cursor(cursor.sentence, cursor.branch, cursor.step, cursor.stage, hypothesis.id)
            self.log(extras.log.text(fields), cursor)
            return False
        return True


def hit(
    walk: Walk,
    armed: Armed,
    counts: Counts,
    log: Log = lambda _text, _cursor: None,
    *,
    backward: bool = False,
) -> Stop | None:
    """The stop that a breakpoint or watch rule asks for at this position.

    Everything is asked, so that one stop hides no message and no count of another. Raises what could
    not be told here.
    """
    if armed.rules_alone and silent(walk, armed, counts):
        return None
    stage = walk.stage
    last = stage is Stage.SEARCH
    begins = (armed.rules or armed.sentences) and (
        walk.at_sentence_start or (last and walk.step == 0 and not walk.has_encoder)
    )
    chosen = last and (armed.rules or armed.data or armed.sentences or armed.tokens)
    asking = Asking(walk, armed, counts, log, backward)
    wanted: list[Wanted] = []
    if begins:
        wanted += _at_start(asking)
    if stage in armed.stages:
        wanted += _at_stage(asking)
    if chosen:
        wanted += _chosen(asking)
    if asking.faults:
        raise asking.faults[0]
    if not wanted:
        return None
    first = wanted[0]
    if first.about is not None and any(each.id == first.about for each in walk.hypotheses()):
        walk.follow(first.about)
    found = [finding for each in wanted for finding in each.found]
    finding = found.pop(0) if first.found else None
    also = f"; also {', '.join(dict.fromkeys(each.rule for each in found))}" if found else ""
    return Stop(
        first.reason,
        walk.cursor,
        first.text + also,
        tuple(number for each in wanted for number in each.breakpoints if each.reason is first.reason),
        finding,
        tuple(found),
    )


def arrived(walk: Walk, motion: Motion, *, stop_on_entry: bool) -> Stop | None:
    """The stop of a motion that has come to where it was going."""
    match motion:
        case Motion.START:
            there = stop_on_entry
        case Motion.NEXT | Motion.STEP_BACK:
            there = walk.stage is Stage.SEARCH or walk.at_sentence_start
        case Motion.STEP_IN | Motion.STEP_PART | Motion.STAGE_BACK:
            there = True
        case Motion.STEP_OUT:
            there = walk.at_sentence_end or walk.at_sentence_start
        case _:
            there = False
    if not there:
        return None
    return Stop(StopReason.ENTRY if motion is Motion.START else StopReason.STEP, walk.cursor)


def not_finite(walk: Walk, armed: Armed, error: S2sdapError) -> Stop | None:
    """The stop at a step that failed for its numbers, where the rule about them is armed and holds."""
    rule = next((each for each in armed.rules if "not_finite" in each.condition.names), None)
    if rule is None or not isinstance(error, NotFinite) or not walk.placed:
        return None
    fields = FieldValues(lambda: walk.frames(walk.hypotheses()[0])[0])
    try:
        if not rule.fires(fields):
            return None
        finding = finding_of(rule, fields, None)
    except S2sdapError:  # the condition cannot be told here: the failure itself is what is shown
        return None
    return Stop(StopReason.RULE, walk.cursor, f"{finding.text}; {error.what}", finding=finding, error=error)


def _at_start(asking: Asking) -> Iterator[Wanted]:
    walk, armed = asking.walk, asking.armed
    fields = FieldValues(lambda: _first_frame(walk))
    if walk.at_sentence_start:
        placed = [each for each in armed.sentences.get(walk.sentence.line, ()) if each.extras.at_start]
        met = [each.id for each in placed if asking.met(each.id, each.extras, fields, None)]
        if met:
            yield Wanted(StopReason.BREAKPOINT, f"sentence {walk.sentence.index + 1}", tuple(met))
    if walk.has_encoder is walk.at_sentence_start:  # without an encoder, once there is a frame to look at
        held = asking.held(armed.asked[Asked.SOURCE], fields)
        yield from _suspicious([finding_of(rule, fields, None) for rule in held])


def _first_frame(walk: Walk) -> Frame:
    """Before any step it is the encoder's; without an encoder, that of the first step."""
    if walk.has_encoder:
        return walk.frame_of_source()
    stack = walk.frames(walk.hypotheses()[0])
    if not stack:
        raise S2sdapError("no_step_here", stage=walk.stage)
    return stack[-1]


def _at_stage(asking: Asking) -> Iterator[Wanted]:
    for each in asking.armed.stages[asking.walk.stage]:
        if each.place.step in (None, asking.walk.step):
            yield from _met_at_stage(asking, each)


def _met_at_stage(asking: Asking, placed: StageBreakpoint) -> Iterator[Wanted]:
    """A stage breakpoint is met once at a position, whoever of a batch it is about."""
    walk, place = asking.walk, placed.place
    for hypothesis in leaders(walk):
        fields = _fields(walk, hypothesis, layer=place.layer, head=place.head)
        if place.token is not None and fields["token"] != place.token:
            continue
        if placed.extras.condition is not None and not asking.holds(placed.extras.condition, fields):
            continue
        if asking.counted(placed.id, placed.extras, fields, hypothesis):
            narrowed = place.layer is not None or place.head is not None
            text = _heads_text(str(place), fields) if narrowed else f"the {place.stage} stage"
            about = hypothesis.id if place.token is not None or placed.extras.condition is not None else None
            yield Wanted(StopReason.STAGE, text, (placed.id,), about)
        return


def _heads_text(place: str, fields: FieldValues) -> str:
    focus = fields["focus"]
    if focus is None:
        return place
    return f"{place}: focus {focus}, weight {fields['attention'][focus]:.3f}"


def _fields(
    walk: Walk, hypothesis: Hypothesis, *, layer: int | None = None, head: int | None = None
) -> FieldValues:
    """The fields of a hypothesis at the cursor's stage."""
    if walk.stage is Stage.SEARCH and hypothesis.step >= 0:
        return FieldValues(lambda: walk.frame_of_choice(hypothesis), hypothesis, layer=layer, head=head)
    return FieldValues(lambda: walk.frames(hypothesis)[0], layer=layer, head=head)


def _chosen(asking: Asking) -> list[Wanted]:
    """What is asked of each choice of this step, and of the outputs at the end."""
    walk, armed = asking.walk, asking.armed
    branch = walk.branch
    record = branch.records[walk.step]
    wanted: list[Wanted] = []
    for leader in leaders_after(record):
        fields = ChoiceValues(walk.frame_of_choice, branch, record, leader)
        if armed.sentences or armed.tokens or armed.data:
            wanted += _at_choice(asking, fields, leader)
        rules = awake(walk, armed, asking.counts, fields, leader).rules.rules
        held = asking.held(rules, fields)
        if held:
            wanted += _suspicious([finding_of(rule, fields, fields.frame) for rule in held], leader.id)
    if record.after.ended:
        wanted += _at_end(asking)
    return wanted


def _at_choice(asking: Asking, fields: FieldValues, leader: Hypothesis) -> Iterator[Wanted]:
    """What breakpoints ask for where search has chosen."""
    armed, line = asking.armed, asking.walk.sentence.line
    conditions = [each for each in armed.sentences.get(line, ()) if not each.extras.at_start]
    if conditions:
        yield from _conditions(asking, conditions, fields, leader)
    tokens = armed.tokens.get(line, ())
    if tokens:
        yield from _attended(asking, tokens, fields, leader)
    if armed.data:
        yield from _changed(asking, fields, leader)


def _conditions(
    asking: Asking, placed: Sequence[SentenceBreakpoint], fields: FieldValues, leader: Hypothesis
) -> Iterator[Wanted]:
    """Conditions of sentences: a stop at the first step where one holds.

    With a hit count each step counts, and with a message each is told.
    """
    walk = asking.walk
    for each in placed:
        condition = each.extras.condition
        if condition is None or not asking.holds(condition, fields):
            continue
        again = each.extras.log is not None or each.extras.hits is not None
        if not again and not _first_time(asking, each.id, condition):
            continue
        if asking.counted(each.id, each.extras, fields, leader):
            text = f"sentence {walk.sentence.index + 1}, step {walk.step}: {condition.text}"
            yield Wanted(StopReason.BREAKPOINT, text, (each.id,), leader.id)


def _first_time(asking: Asking, number: int, condition: Expression) -> bool:
    """Whether a condition that holds has not held at an earlier step of this branch of the sentence.

    Where the run goes back over steps that it passed before the condition was set, they are asked now.
    """
    walk, counts = asking.walk, asking.counts
    place = (number, walk.sentence.index, walk.branch.id)
    if asking.backward and place not in counts.first:
        for step in range(walk.step):
            chosen = leaders(walk, step)
            if any(condition(FieldValues(partial(walk.frame_of_choice, each), each)) for each in chosen):
                counts.first[place] = step
                break
    return counts.is_first(*place, walk.step)


def _attended(
    asking: Asking, tokens: Sequence[TokenBreakpoint], fields: FieldValues, leader: Hypothesis
) -> Iterator[Wanted]:
    """The source tokens that have become the most attended with this step."""
    focus = fields["focus"]
    for each in tokens:
        if each.position != focus or fields["focus_run"] != 1:
            continue
        if asking.met(each.id, each.extras, fields, leader):
            piece = fields.frame.attended[focus].piece
            text = f"{piece!r} is the most attended, with {fields['attention'][focus]:.3f}"
            yield Wanted(StopReason.BREAKPOINT, text, (each.id,), leader.id)


def _changed(asking: Asking, fields: FieldValues, leader: Hypothesis) -> Iterator[Wanted]:
    """The values that are others than at the step before, for the same hypothesis."""
    walk = asking.walk
    if walk.step == 0 or leader.parent is None or leader.parent.parent is None:
        return
    parent = leader.parent
    before = FieldValues(partial(walk.frame_of_choice, parent), parent)
    for each in asking.armed.data:
        try:
            seen = each.watched
            text = _overtaken(walk, leader) if seen is None else _difference(seen, before, fields)
        except S2sdapError as fault:
            asking.faults.append(fault)
            continue
        if text and asking.met(each.id, each.extras, fields, leader):
            yield Wanted(StopReason.DATA, text, (each.id,), leader.id)


def _difference(watched: Expression, before: FieldValues, now: FieldValues) -> str:
    """How a value has changed, empty where it has not."""
    old, new = watched(before), watched(now)
    return "" if old == new else f"{watched.text} was {old!r}, now {new!r}"


def _overtaken(walk: Walk, leader: Hypothesis) -> str:
    """Whether another hypothesis leads than the one that led before, in words."""
    led = [each for each in leaders(walk, walk.step - 1) if each.sentence == leader.sentence]
    if not led or led[0] is leader.parent:
        return ""
    text = walk.branch.plan.model.target.text
    return f"{text(led[0].tokens)!r} led, now {text(leader.tokens)!r}"


def _at_end(asking: Asking) -> Iterator[Wanted]:
    """Source tokens that no step of the output attended to most, and the rules about outputs."""
    tokens = asking.armed.tokens.get(asking.walk.sentence.line, ())
    rules = asking.armed.asked[Asked.END]
    for output in outputs(asking.walk) if tokens or rules else ():
        frame = asking.walk.frame_of_choice(output)
        fields = FieldValues(frame, output)
        focused = set(frame.attention_matrix().argmax(dim=-1).tolist()) if tokens else set()
        there = [each for each in tokens if each.position < len(frame.attended)]  # a source may be edited
        for each in there:
            if each.position not in focused and asking.met(each.id, each.extras, fields, output):
                text = f"{frame.attended[each.position].piece!r} was never the most attended"
                yield Wanted(StopReason.BREAKPOINT, text, (each.id,), output.id)
        held = asking.held(rules, fields)
        yield from _suspicious([finding_of(rule, fields, frame) for rule in held], output.id)


def _suspicious(found: Sequence[Finding], about: int | None = None) -> Iterator[Wanted]:
    """A stop for what rules found, if they found anything."""
    if found:
        yield Wanted(StopReason.RULE, found[0].text, (), about, tuple(found))
