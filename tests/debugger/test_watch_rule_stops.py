"""Every watch rule stops a run where it must, and is silent where it must not."""

import math

import pytest
import torch
from driving import do, place, session_of
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, load_model
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import WATCH_RULES, parse_rule
from s2sdap.vocabulary import sites

EIGHT = {"max_length": 8, "min_length": 8}
DATE = "March 3, 1999"


@pytest.fixture(scope="module")
def dates():
    return load_model("dates")


def watched(rule, model, source, *, reference=None, **settings):
    """A session at its start, watched by one rule."""
    session = session_of(model, source, reference=reference, **settings)
    session.armed = Armed.of(rules=[parse_rule(rule)])
    session.start()
    return session


def stops(session):
    """Every stop on the way to the end, the one it stands at included."""
    found = [session.stop]
    while found[-1].reason is not StopReason.END:
        found.append(do(session, "continue_"))
    usual = (StopReason.END, StopReason.ENTRY, StopReason.STEP)
    return [each for each in found if each.reason not in usual]


def where_it_holds(rule, model, source, *, reference=None, **settings):
    """The steps at which a rule's condition holds for the leader, told by stepping and asking."""
    session = session_of(model, source, reference=reference, **settings)
    session.start()
    found = []
    while session.next().reason is not StopReason.END:
        if session.cursor.step >= 0:
            session.follow(session.hypotheses()[0].id)
            if session.evaluate(parse_rule(rule).condition.text):
                found.append(session.cursor.step)
    return found


def flat():
    """A network that does not know what to write."""
    return rnn(scale=0.1)


# Of each rule about a step: where it fires, and where it does not.
FIRES = {
    "lowConfidence": (rnn, "aabbcc", EIGHT),
    "highEntropy": (flat, "aabbcc", EIGHT),
    "smallMargin": (rnn, "aabbcc", EIGHT),
    "unknownToken": (rnn, "aabbcc", EIGHT),
    "repetition": (rnn, "abcdh", {"max_length": 12, "min_length": 12}),
    "attentionCollapse": (rnn, "a", EIGHT),
}
SILENT = {
    "attentionCollapse": (rnn, "aabbcc", {"max_length": 12, "min_length": 12}),
    "repetition": (rnn, "abcdh", EIGHT),
    "highEntropy": (rnn, "abcdh", EIGHT),
}


@pytest.mark.parametrize("rule", FIRES)
def test_a_rule_about_a_step_stops_where_it_holds(rule):
    make, source, settings = FIRES[rule]
    expected = where_it_holds(rule, make(), source, **settings)
    assert expected
    session = watched(rule, make(), source, **settings)
    found = stops(session)
    assert [place(each) for each in found] == [(0, step, "search") for step in expected]
    for each in found:
        assert each.reason is StopReason.RULE
        assert (each.finding.rule, each.finding.condition) == (rule, WATCH_RULES[rule].condition)
        assert each.finding.advice == WATCH_RULES[rule].advice
        assert [name for name, _ in each.finding.numbers] == list(WATCH_RULES[rule].numbers)


@pytest.mark.parametrize("rule", SILENT)
def test_a_rule_about_a_step_is_silent_elsewhere(rule):
    make, source, settings = SILENT[rule]
    assert stops(watched(rule, make(), source, **settings)) == []


def test_no_rule_but_one_about_attention_fires_on_a_decode_that_is_sure_and_right(dates):
    session = session_of(dates, DATE, reference="1999-03-03", beam_size=2)
    rules = [parse_rule(rule) for rule in WATCH_RULES]
    session.armed = Armed.of(rules=[rule for rule in rules if not rule.of_training])  # there is no index here
    session.start()
    assert stops(session) == []


def test_an_unknown_source_token_stops_before_any_step():
    session = watched("unknownSource", rnn(), "ab\na\N{LATIN SMALL LETTER E WITH ACUTE}b\ncd", **EIGHT)
    (stop,) = stops(session)
    assert (place(stop), stop.reason) == ((1, -1, "encoder"), StopReason.RULE)
    assert stop.finding.numbers == (("unknown_source", ["\N{LATIN SMALL LETTER E WITH ACUTE}"]),)
    assert stop.finding.token is None


def test_without_an_encoder_an_unknown_source_token_stops_once_at_the_first_step():
    session = watched("unknownSource", PromptedModel(), "ab\na?b", max_length=4, min_length=4)
    (stop,) = stops(session)
    assert (place(stop), stop.finding.numbers) == ((1, 0, "search"), (("unknown_source", ["?"]),))


def test_attention_on_the_end():
    model = rnn(end=True)
    session = watched("attentionOnEnd", model, "abc", max_length=3, min_length=3)
    assert stops(session) == []
    session.reverse_continue()
    session.next()
    session.set_attention([0.02, 0.02, 0.01, 0.95])
    session.step_back()
    (stop,) = stops(session)
    assert place(stop) == (0, 0, "search")
    ((name, value),) = stop.finding.numbers
    assert (name, value) == ("special_attention", pytest.approx(0.95))


WORDS = " ".join(["ab", "cd"] * 15)
"""Thirty words: a step cannot attend to each of them."""


def test_a_source_word_left_uncovered_stops_at_the_end():
    session = watched("uncoveredSource", rnn(), WORDS, max_length=1)
    (stop,) = stops(session)
    assert place(stop) == (0, 0, "search")
    ((name, least),) = stop.finding.numbers
    assert name == "least_coverage"
    assert 0 < least < 0.05
    assert stops(watched("uncoveredSource", rnn(), "ab cd", **EIGHT)) == []


def test_a_reference_that_falls_off_the_beam(dates):
    session = watched("referencePruned", dates, DATE, reference="1999-03-04", beam_size=2)
    expected = where_it_holds("referencePruned", dates, DATE, reference="1999-03-04", beam_size=2)
    (stop,) = stops(session)
    assert [stop.cursor.step] == expected
    assert stops(watched("referencePruned", dates, DATE, beam_size=2)) == [], "there is no reference"


def test_a_reference_token_that_is_ranked_low():
    session = session_of(rnn(), "aabbcc", **EIGHT)
    session.start()
    session.next()
    pieces = [piece for piece, _ in session.top_tokens(20)]
    low = next(piece for piece in pieces[5:] if len(piece) == 1)
    rank = session.evaluate(f"rank_of('{low}')")
    assert rank >= 5
    (stop,) = stops(watched("referenceRank", rnn(), "aabbcc", reference=low * 3, **EIGHT))
    assert place(stop) == (0, 0, "search")
    assert stop.finding.numbers[:2] == (("reference_token", low), ("reference_rank", rank))
    best = session.evaluate("best")
    assert stops(watched("referenceRank", rnn(), "aabbcc", reference=best, max_length=1)) == []


def test_an_empty_output():
    session = watched("emptyOutput", rnn(), "ab", max_length=8)
    assert stops(session) == []
    session.reverse_continue()
    session.next()
    session.force(session.model.target.eos)
    session.step_back()
    (stop,) = stops(session)
    assert (place(stop), stop.finding.numbers) == ((0, 0, "search"), (("length", 1),))


def test_an_output_that_is_too_long():
    long = {"max_length": 14, "min_length": 14}
    (stop,) = stops(watched("overlongOutput", rnn(), "a", **long))
    assert (place(stop), stop.finding.numbers) == ((0, 13, "search"), (("length", 14),))
    assert stops(watched("overlongOutput", rnn(), "aa", **long)) == []


# ---------------------------------------------------------------- numbers that are none, and failures


class Odd(PromptedModel):
    """Where the source has an `h`, a site of it is shown with `number` in it from step 1 on.

    With a `secret` it goes on as if nothing were there.
    """

    def __init__(self, site, number, *, secret=False):
        super().__init__(encoder=True)
        self.site, self.number, self.secret = site, number, secret

    def _spoiled(self, probe, site, value, there):
        odd = value + torch.tensor(self.number) if site == self.site and there else value
        shown = probe(site, odd)
        return value if self.secret else shown

    def encode(self, source, probe, /):
        there = "h" in source.text
        return super().encode(source, lambda site, value: self._spoiled(probe, site, value, there))

    def step(self, encoded, state, tokens, probe, /):
        there = "h" in encoded[0] and state[1] == 1
        return super().step(
            encoded, state, tokens, lambda site, value: self._spoiled(probe, site, value, there)
        )


FOUR = {"max_length": 4, "min_length": 4}
NUMBERS = {
    "a state that is NaN": (Odd(sites.DECODER_STATE, math.nan), (1, 1, "prediction"), sites.DECODER_STATE),
    "logits that are NaN": (
        PromptedModel(encoder=True, nan_at=1), (1, 1, "prediction"), sites.PREDICTION_LOGITS
    ),
    "an encoder that gives infinity": (
        Odd(sites.ENCODER_STATES, math.inf, secret=True), (1, 0, "search"), sites.ENCODER_STATES
    ),
    "infinity that goes no further": (
        Odd(sites.DECODER_STATE, math.inf, secret=True), (1, 1, "search"), sites.DECODER_STATE
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", NUMBERS)
def test_a_number_that_is_none_stops_and_the_first_site_is_named(given):
    model, where, site = NUMBERS[given]
    found = stops(watched("notFinite", model, "ab\nah\nd", **FOUR))
    assert [(place(each), each.reason) for each in found] == [(where, StopReason.RULE)]
    assert found[0].finding.numbers == (("not_finite", site),)
    assert (found[0].error is not None) == (where[2] == "prediction"), "the step has failed"


def test_forbidden_tokens_and_masks_are_no_such_numbers():
    session = watched("notFinite", rnn(small_config()), "aabbcc", **EIGHT, no_repeat_ngram=1)
    assert stops(session) == []
    assert session.results[0].error is None


def test_a_condition_about_numbers_that_cannot_be_told_shows_the_failure_and_the_run_goes_on():
    model = PromptedModel(encoder=True, nan_at=1)
    session = watched("notFinite(not_finite != None and attention[99] > 0)", model, "ah\nab", **FOUR)
    found = stops(session)
    assert (place(found[0]), found[0].reason, found[0].error.name) == (
        (0, 1, "prediction"),
        StopReason.ERROR,
        "model_failed",
    )
    assert session.results[1].error is None


@pytest.mark.parametrize("number", ["raises", "nan"])
def test_a_failure_of_the_model_stops_unless_that_is_switched_off(number):
    model = PromptedModel(encoder=True, **{"fails_at" if number == "raises" else "nan_at": 1})
    on = session_of(model, "ah\nab", **FOUR)
    on.start()
    (stop,) = stops(on)
    assert (stop.reason, stop.error.name) == (StopReason.ERROR, "model_failed")
    assert ("Traceback" in stop.traceback) == (number == "raises")
    off = session_of(model, "ah\nab", **FOUR)
    off.armed = Armed.of(errors=False)
    off.start()
    assert stops(off) == []
    assert isinstance(off.results[0].error, S2sdapError)
    assert off.results[1].text == on.results[1].text != ""


# ---------------------------------------------------------------- several, and their own conditions


def test_rules_that_fire_together_are_named_together():
    session = session_of(rnn(), "aabbcc", **EIGHT)
    session.armed = Armed.of(rules=[parse_rule("lowConfidence"), parse_rule("smallMargin(step == 2)")])
    session.start()
    found = stops(session)
    assert [[each.finding.rule, *(other.rule for other in each.also)] for each in found[1:4]] == [
        ["lowConfidence"],
        ["lowConfidence", "smallMargin"],
        ["lowConfidence"],
    ]
    assert found[2].text.endswith("; also smallMargin")


def test_a_rule_is_asked_of_the_leader_and_follows_it():
    settings = {"beam_size": 3, "max_length": 12, "min_length": 12}
    rule = "lowConfidence(p < 0.4)"
    expected = where_it_holds(rule, rnn(), "abcdh", **settings)
    session = watched(rule, rnn(), "abcdh", **settings)
    found = []
    while session.continue_().reason is not StopReason.END:
        assert session.cursor.hypothesis == session.hypotheses()[0].id
        assert session.evaluate("p") == session.stop.finding.p < 0.4
        found.append(session.cursor.step)
    assert found == expected
    assert expected
