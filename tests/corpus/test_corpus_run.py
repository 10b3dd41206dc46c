"""A corpus run finds what single runs find, tells it exactly, and decodes the rest in batches."""

import dataclasses
import math
import random

import msgspec
import pytest
import torch
from tiny_models import PromptedModel, rnn

from s2sdap.debugger.corpus.alone import alone
from s2sdap.debugger.corpus.run import OTHERWISE, Corpus
from s2sdap.debugger.program import make_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.batched.grouping import BatchBounds
from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError

torch.set_num_threads(1)  # sums keep their order

DATES = [
    f"{month} {day}, {year}"
    for month in ("March", "J", "avril", "1", "No")
    for day, year in ((1, 1999), (30, 2005), (12, 34), (4, 2007))
] + ["tomorrow", "", "2/3/4", "x" * 2001, "5 sept 1961"]
BEAM = SearchSettings(beam_size=3, n_best=2, length_penalty=0.6)


def by_itself(model, program, settings, rules):
    return list(alone(model, program, planner_for(model, settings), rules))


def compared(model, lines, settings, written, **others):
    """A corpus run, after it was held against single runs of every sentence."""
    rules = tuple(parse_rule(each) for each in written)
    program = make_program(lines, path=None)
    corpus = Corpus(model, program, settings, rules, **others)
    found = list(corpus)
    expected = by_itself(model, program, settings, rules)
    assert [each.result.sentence for each in found] == list(program.sentences)
    for one, other in zip(found, expected, strict=True):
        assert one.stops == other.stops
        assert one.result.error == other.result.error
        assert [each.tokens for each in one.result.outputs] == [each.tokens for each in other.result.outputs]
        if one.exact:
            assert one.result == other.result
        else:
            assert not one.stops
    return corpus, found


@pytest.mark.parametrize("settings", [SearchSettings(), BEAM], ids=["greedy", "beam"])
@pytest.mark.parametrize(
    "rules",
    [
        ["lowConfidence(p < 0.7)"],
        ["lowConfidence(entropy > 0.9 and step > 1)"],
        ["lowConfidence(margin < 0.3 or rank > 0)"],
        ["lowConfidence(token == '7')", "lowConfidence(line == 3 and step == 0)"],
    ],
    ids=["p", "entropy", "margin", "words"],
)
def test_rules_fire_where_they_fire_on_single_runs(settings, rules):
    corpus, found = compared(load_model("dates"), DATES, settings, rules, bounds=BatchBounds(8))
    assert any(each.stops for each in found)
    assert corpus.counts.batched > 0
    assert corpus.counts.batched + corpus.counts.again + corpus.counts.alone == len(found)


def test_a_rule_on_the_threshold_is_decided_by_the_exact_run():
    """The condition is true of the exact number, by the smallest step that there is."""
    model, line = load_model("dates"), "J 4, 2005"
    session = Session(model, make_program([line], path=None), stop_on_entry=False)
    session.armed = dataclasses.replace(session.armed, rules=(parse_rule("lowConfidence(p < 0.9)"),))
    p = session.start().finding.p
    lines = [line, *(f"March {day}, 1999" for day in range(1, 9))]
    for condition, fires in ((f"p <= {p!r}", True), (f"p < {p!r}", False)):
        rule = f"lowConfidence(({condition}) and p > {p!r} - 1e-9)"
        _, found = compared(model, lines, SearchSettings(), [rule])
        assert bool(found[0].stops) is fires
        assert found[0].exact


def test_without_rules_nearly_everything_is_batched():
    corpus, _ = compared(load_model("dates"), DATES[:20], BEAM, [])
    assert corpus.counts.batched >= 16
    assert corpus.counts.measured < corpus.counts.tolerance < 1e-3


def test_batches_are_held_to_what_the_one_with_the_most_padding_shows():
    """It is decoded both ways, and a batch that is off more than it was held to is swept once more."""
    model = load_model("dates")

    class Off:
        """Batches that are off by more than any real one, in whose last place nothing is told for sure."""

        beam, roundoff = 1, 1e-16

        def __init__(self):
            self.held, self.lengths = [], []

        def length(self, plan):
            return len(plan.source.tokens)

        def __call__(self, plans, sentences, tolerance):
            self.held.append(tolerance)
            self.lengths.append([self.length(plan) for plan in plans])
            swept = corpus_sweep(plans, sentences, tolerance)()
            outputs = tuple(
                tuple(
                    msgspec.structs.replace(each, logprobs=tuple(x - 1e-3 for x in each.logprobs))
                    for each in some
                )
                for some in swept.outputs
            )
            return lambda: dataclasses.replace(swept, outputs=outputs)

    corpus = Corpus(model, make_program(DATES[:20], path=None), None, (), bounds=BatchBounds(4))
    corpus_sweep, corpus._sweep = corpus._sweep, Off()
    found = list(corpus)
    assert not corpus.counts.failed
    assert corpus.counts.measured == pytest.approx(1e-3, rel=1e-3)
    assert corpus._sweep.held[0] < 1e-6
    first, again, *others = corpus._sweep.lengths
    assert first == again
    assert first[-1] - first[0] == max(each[-1] - each[0] for each in others) > 0
    assert corpus._sweep.held[1] == pytest.approx(2e-2, rel=1e-3)  # this shows it, and gets more room
    assert corpus._sweep.held[2:] == pytest.approx([1e-2] * len(others), rel=1e-3)
    assert corpus.counts.alone == 1
    assert [each.result.outputs[0].text for each in found] == [
        each.result.outputs[0].text for each in by_itself(model, corpus.program, None, ())
    ]


class Shaken:
    """A model whose batches are off, as with a faulty mask; those of so many tokens do not run."""

    def __init__(self, model, off, *, fails_from=math.inf):
        self.model, self.off, self.fails_from = model, off, fails_from

    def __getattr__(self, name):
        return getattr(self.model, name)

    def encode_batch(self, sources, *probe):
        if max(len(source.tokens) for source in sources) >= self.fails_from:
            raise RuntimeError("out of memory")
        encoded = self.model.encode_batch(sources, *probe)
        return dataclasses.replace(encoded, states=encoded.states * (1 + self.off))


@pytest.mark.parametrize(
    ("seed", "off", "why"),
    [
        (1, 6e-3, "RuntimeError: out of memory"),
        (3, 6e-3, "RuntimeError: out of memory"),
        (2, 2e-2, None),  # it says that its first choice was close
        (6, 2e-2, OTHERWISE),
        (13, 2e-2, OTHERWISE),
    ],
)
def test_a_sentence_that_shows_nothing_is_not_the_measure(seed, off, why):
    """Its batch did not run, or wrote something else from the first token on: then the next one measures."""
    draws = random.Random(2)
    lines = ["".join(draws.choices("abcdefgh", k=draws.randint(3, 9))) for _ in range(60)] + ["abcd" * 8]
    model, settings = rnn(seed=seed, scale=4.0), SearchSettings(max_length=10)
    shaken = Shaken(model, off, fails_from=math.inf if why in (None, OTHERWISE) else 30)
    corpus = Corpus(shaken, make_program(lines, path=None), settings, (), bounds=BatchBounds(22))
    found = list(corpus)
    assert corpus.counts.failure == why
    assert corpus.counts.measured > 1e-4
    expected = by_itself(model, corpus.program, settings, ())
    assert [each.result.text for each in found] == [each.result.text for each in expected]


def test_one_sentence_of_many_is_a_program_of_the_same_sentences():
    """Nothing is copied: a corpus of a million sentences decodes one again as fast as one of ten does."""
    program = make_program(DATES, path=None)
    one = program.only(3)
    assert one.sentences is program.sentences
    (only,) = by_itself(load_model("dates"), one, None, ())
    assert only.result.sentence == program.sentences[3]


def test_asked_to_be_exact_it_is():
    corpus, found = compared(load_model("dates"), DATES, BEAM, ["lowConfidence"], exact=True)
    assert all(each.exact for each in found)
    assert corpus.singly is None


def test_tiny_windows_and_batches_keep_the_order():
    corpus, _ = compared(load_model("dates"), DATES, None, ["lowConfidence"], bounds=BatchBounds(2, 40))
    assert corpus.counts.batched


@pytest.mark.parametrize(
    ("model", "settings", "rule", "why"),
    [
        (lambda: load_model("dates"), SearchSettings(sample=True), "lowConfidence", "draws of its own"),
        (lambda: load_model("dates"), None, "lowConfidence(max(state) < 0.1)", "`state`"),
        (lambda: PromptedModel(encoder=True), SearchSettings(max_length=5), "lowConfidence", "one sentence"),
    ],
    ids=["sampling", "state", "single steps"],
)
def test_what_cannot_be_batched_is_decoded_singly_and_said(model, settings, rule, why):
    corpus, found = compared(model(), ["abc", "ab", "dead"], settings, [rule])
    assert corpus.singly.name == "runs_singly"
    assert why in str(corpus.singly)
    assert all(each.exact for each in found)


@pytest.mark.parametrize(
    ("off", "fails_from", "failure"), [(0.0, 0, "RuntimeError: out of memory"), (math.nan, math.inf, None)]
)
def test_a_batch_that_fails_or_gives_no_numbers_is_decoded_singly(off, fails_from, failure):
    draw = random.Random(1)
    lines = ["".join(draw.choices("abcdefgh", k=draw.randint(2, 8))) for _ in range(6)]
    model = Shaken(rnn(), off, fails_from=fails_from)
    corpus, found = compared(model, lines, SearchSettings(max_length=8), ["lowConfidence"])
    assert all(each.exact for each in found)
    assert (corpus.counts.failed, corpus.counts.failure) == (int(failure is not None), failure)


def test_a_run_that_begins_at_a_line_passes_over_the_others():
    model, program = load_model("dates"), make_program(DATES, path=None)
    begun = program.beginning_at(3)
    found = by_itself(model, begun, SearchSettings(), (parse_rule("lowConfidence(p < 0.7)"),))
    assert [each.result.sentence for each in found] == list(program.sentences[3:])
    session = Session(model, begun)
    stop = session.start()
    assert (stop.reason, stop.cursor.sentence, session.walk.sentence.line) == (StopReason.ENTRY, 3, 3)
    session.next()
    session.step_back()
    assert (session.cursor.sentence, session.cursor.step) == (3, -1)
    with pytest.raises(S2sdapError, match="S2S4009"):
        session.step_back()
    session.restart()
    assert session.start().cursor.sentence == 3
