"""Short ways to arm a session over a tiny model, and to say where it stopped."""

from driving import do, session_of
from tiny_models import rnn

from s2sdap.debugger.breakpoints import (
    DataBreakpoint,
    SentenceBreakpoint,
    StageBreakpoint,
    TokenBreakpoint,
    extras,
    watched,
)
from s2sdap.debugger.stage_places import parse_stage_place
from s2sdap.debugger.stops import StopReason

EIGHT = {"max_length": 8, "min_length": 8}


def steps_where(expression, source="aabbcc", **settings):
    """The steps at which an expression holds for the leader, told by stepping and asking."""
    session = session_of(rnn(), source, **(EIGHT | settings))
    session.start()
    found = []
    while session.next().reason is not StopReason.END:
        if session.cursor.step >= 0 and session.evaluate(expression):
            found.append(session.cursor.step)
    return found


def armed_session(armed, source="aabbcc", *, model=None, reference=None, **settings):
    session = session_of(model or rnn(), source, reference=reference, **(EIGHT | settings))
    session.said = []
    session.on_log = lambda text, cursor: session.said.append((cursor.step, text))
    session.armed = armed
    session.start()
    return session


def stops(session, verb="continue_"):
    """Every stop on the way to the end, or back to the beginning."""
    found = []
    while True:
        stop = do(session, verb)
        if stop.reason in (StopReason.END, StopReason.ENTRY):
            return found
        found.append(stop)


def steps(found):
    return [stop.cursor.step for stop in found]


def on_line(condition=None, hits=None, log=None, *, line=0, number=1):
    return SentenceBreakpoint(number, line, extras(condition, hits, log))


def at(written, condition=None, hits=None, *, number=1, model=None):
    return StageBreakpoint(number, parse_stage_place(written, model or rnn()), extras(condition, hits))


def on_token(position, condition=None, hits=None, log=None, *, number=1):
    return TokenBreakpoint(number, 0, position, extras(condition, hits, log))


def on_change(written, condition=None, hits=None, *, number=1):
    return DataBreakpoint(number, watched(written), extras(condition, hits))
