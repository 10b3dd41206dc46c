"""Sessions over tiny models, and short ways to say where they stand."""

from s2sdap import SearchSettings, Session
from s2sdap.debugger.breakpoints import Armed, SentenceBreakpoint, StageBreakpoint
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule

BACKWARD = ("step_back", "stage_back", "reverse_continue")


def session_of(
    model, source="abcdh", *, reference=None, budget=2**28, entry=True, on_result=None, **settings
):
    program = inline_program(source, reference)
    return Session(
        model, program, SearchSettings(**settings), stop_on_entry=entry, budget=budget, on_result=on_result
    )


def everything(session):
    """Every stop there is: each line, each stage, and a rule that always fires."""
    stages = session.model.layout.stages
    return Armed.of(
        [SentenceBreakpoint(number, number) for number, _ in enumerate(session.program.lines)],
        [StageBreakpoint.of(100 + number, stage) for number, stage in enumerate(stages)],
        [parse_rule("lowConfidence(p < 1.1)")],
    )


def do(session, verb):
    """Do what `verb` names."""
    if verb == "stage_back":
        return session.step_back(stage=True)
    return getattr(session, verb)()


def place(stop):
    """A stop's sentence, step and stage; `None` at the end."""
    if stop.cursor is None:
        return None
    return stop.cursor.sentence, stop.cursor.step, stop.cursor.stage.value


def places(session, verb, count=1000):
    """Where `verb` leads, again and again, up to the end or the beginning of the program."""
    found = []
    for _ in range(count):
        if verb in BACKWARD and session.walk.at_program_start:
            break
        stop = do(session, verb)
        found.append(place(stop))
        if stop.reason is StopReason.END:
            break
    return found


def finish(session):
    """Continue past every stop to the end."""
    while session.continue_().reason is not StopReason.END:
        pass
