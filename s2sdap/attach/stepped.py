"""One debugged call: its decode runs on the thread that made it, under the eyes of the client."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from s2sdap.attach.process import Process
from s2sdap.dap.attached import Call
from s2sdap.dap.model_thread import ModelThread
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.session import Session
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.edits import Edit
from s2sdap.decoding.plan import Plan, SettingShown
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter

_BREAKS = {ord(each): "⏎" for each in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}


class BegunPlan:
    """A plan whose source has been read already, and that remembers where it failed.

    An error that a client has seen at a stop is the program's own: it is raised there when the call ends.
    """

    def __init__(self, plan: Plan, begun: EncoderRecord) -> None:
        self._plan = plan
        self._begun: EncoderRecord | None = begun
        self._failed: list[tuple[Snapshot, Exception]] = []

    @property
    def model(self) -> Described:
        """The model."""
        return self._plan.model

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """What was read already, once; with edits it is read again."""
        begun, self._begun = self._begun, None
        return self._plan.begin(edits) if edits or begun is None else begun

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """Run one step from the snapshot `before`, with `edits` in it."""
        try:
            return self._plan.step(encoder, before, edits)
        except Exception as error:
            if not edits:  # a refused edit changes nothing
                self._failed.append((before, error))
            raise

    def failure_at(self, snapshot: Snapshot) -> Exception | None:
        """The error of the step from `snapshot`, if it failed."""
        return next((error for before, error in self._failed if before is snapshot), None)

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The finished hypotheses that are the result."""
        return self._plan.best(after)

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """Every setting with its value and where it came from."""
        return self._plan.settings_shown(after)


def stepped(
    process: Process, client: "Adapter", plan: Plan, begun: EncoderRecord, lines: Sequence[str], title: str
) -> Timeline:
    """Run a call to its end, with whatever stops and edits the client makes.

    The client's leaving lets it run on without stops; the edits made so far stay.

    Args:
        process: this process.
        client: whom to show it to.
        plan: how it decodes.
        begun: what `plan.begin()` gave.
        lines: the text of each row of the batch.
        title: what the call is, in a line.

    Returns:
        The timeline; its current branch has come to the end.

    Raises:
        Exception: whatever the call itself raises; `cannot_step` where it is us who cannot go on.
    """
    followed = BegunPlan(plan, begun)
    program = call_program(title.split(":", maxsplit=1)[0], lines)
    models = ModelThread()
    session = Session(
        plan.model,
        program,
        planner=partial(_the_plan, followed),
        of_call=True,
        stop_on_entry=False,
        on_result=partial(client.on_result, program),
    )
    call = Call(session, program, models, title)
    note = ""
    try:
        if process.begin(client, call):
            models.serve()
        timeline = session.walk.timeline_of(0) or Timeline(followed, program.sentences[0])
        while not timeline.branch.tip.ended:
            failure = followed.failure_at(timeline.branch.tip)
            if isinstance(failure, S2sdapError) and not timeline.branch.edits:  # a refusal of ours
                raise S2sdapError("cannot_step", reason=failure.what) from failure
            if failure is not None:
                raise failure
            timeline.extend()
        return timeline
    except BaseException as error:
        note = f"{program.name} was ended by {type(error).__name__}: {error}".rstrip(": ")
        raise
    finally:
        process.finish(client, call, note)


def call_program(name: str, lines: Sequence[str]) -> Program:
    """The text of a call, a line a row of the batch; all rows together are its one sentence."""
    shown = tuple(line.translate(_BREAKS) or f"row {row}" for row, line in enumerate(lines))
    return Program(None, name, shown, (Sentence(0, 0, shown[0], None),))


def _the_plan(plan: BegunPlan, _text: str, **_where: Any) -> Plan:
    return plan
