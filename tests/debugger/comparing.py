"""Runs over tiny models, for the tests of comparing."""

from s2sdap.debugger.comparing import comparison
from s2sdap.debugger.comparing.runs import best_run, forced_run, run_on
from s2sdap.decoding.reference import reference_of
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode


def done(work):
    """What a piece of work returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def compare(left, right):
    """A comparison."""
    return done(comparison.compare(left, right))


def plan_of(model, text="abcdh", **settings):
    return Decode.of(model, text, SearchSettings(**{"max_length": 8, **settings}))


def free(model, text="abcdh", label="free", **settings):
    """The best output of a plain decode."""
    plan = plan_of(model, text, **settings)
    encoder = plan.begin()
    return best_run(label, plan, encoder, done(run_on(plan, encoder)))


def forced(model, reference, text="abcdh", **settings):
    """A reference, teacher-forced."""
    plan = plan_of(model, text, **settings)
    encoder = plan.begin()
    return done(forced_run("reference", plan, encoder, reference_of(plan, encoder, reference)))
