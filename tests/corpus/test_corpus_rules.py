"""Every watch rule that a batch can be asked finds in batches what it finds on single runs."""

import functools
import random

import pytest
import torch
from tiny_models import rnn

from s2sdap.debugger.corpus.alone import alone
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import make_program
from s2sdap.debugger.watch_rules import Asked, parse_rule
from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

torch.set_num_threads(1)  # sums keep their order

MONTHS = ("January", "mars", "Apr", "Mai", "6", "Juillet", "Aug.", "September", "Okt")
FORMS = ("{m} {d}, {y}", "{d} {m} {y}", "{m}/{d}/{y}", "{y} {m} {d}", "le {d} {m} {y}")
ODD = ("tomorrow", "€ 3, 1999", "2/3/4", "J 4, 2005", "zz", "2222222", "no day at all", "12")
SETTINGS = {
    "greedy": SearchSettings(),
    "beam": SearchSettings(beam_size=4, n_best=2, length_penalty=0.6),
    "coverage": SearchSettings(beam_size=3, coverage_penalty=0.2, prefix="1", no_repeat_ngram=3),
}
COUNTS = {"greedy": 36, "beam": 12, "coverage": 8}
RULES = (
    "lowConfidence(p < 0.6)",
    "highEntropy(entropy > 0.9)",
    "smallMargin(margin < 0.2)",
    "unknownToken(unknown or finished and length != 11)",
    "unknownSource",
    "repetition(repeats >= 2)",
    "attentionCollapse(focus_run >= 3 and attention[focus] > 0.9)",
    "attentionOnEnd(special_attention < 0.1 and focus == 3 and step > 7)",
    "uncoveredSource",
    "emptyOutput(output < '1910')",
    "overlongOutput(length > len(source) + 1)",
    "notFinite",
)
NEVER = ("notFinite",)
"""What these numbers are not."""


@functools.cache
def lines(count: int) -> tuple[str, ...]:
    draw = random.Random(3)
    return tuple(
        draw.choice(ODD)
        if draw.random() < 0.1
        else draw.choice(FORMS).format(
            m=draw.choice(MONTHS), d=draw.randint(1, 31), y=draw.randint(1900, 2099)
        )
        for _ in range(count)
    )


def fired(decoded):
    """By rule, the sentences in which it fired; a stop names the rule that it tells of, and the others."""
    found: dict[str, set[int]] = {}
    for each in decoded:
        for stop in each.stops:
            for finding in (stop.finding, *stop.also):
                found.setdefault(finding.rule, set()).add(each.result.sentence.index)
    return found


@functools.cache
def expected(name: str):
    """What single runs find: the rules about outputs by themselves, since a stop tells of one position."""
    model = load_model("dates")
    program = make_program(list(lines(COUNTS[name])), path=None)
    rules = tuple(map(parse_rule, RULES))
    ends = tuple(rule for rule in rules if rule.rule.asked is Asked.END)
    others = tuple(rule for rule in rules if rule.rule.asked is not Asked.END)
    found: dict[str, set[int]] = {}
    for some in (ends, others):
        found |= fired(alone(model, program, planner_for(model, SETTINGS[name]), some))
    return found


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.partition("(")[0])
def test_a_batch_misses_no_sentence(name, rule):
    model, program = load_model("dates"), make_program(list(lines(COUNTS[name])), path=None)
    run = Corpus(model, program, SETTINGS[name], (parse_rule(rule),))
    found = fired(run)
    assert run.singly is None
    assert found == {each: where for each, where in expected(name).items() if rule.startswith(each)}
    assert run.counts.batched > 0
    if name == "greedy":
        assert bool(found) is (rule not in NEVER)
        # A rule that fires seldom costs little: hardly more than those is decoded again.
        again = len(next(iter(found.values()), ()))
        assert run.counts.again <= again + 0.1 * COUNTS[name]


@pytest.mark.parametrize(
    "condition",
    [
        "line == 4",
        "ended and length > 10",
        "tokens[-1] == '7' and step > 7",
        "source[0] == 'J' and focus == 2",
        "max(coverage) > 4",
        "attention[0] > 0.5 and output == '19'",
        "stage == 'search' and rank > 0",
    ],
)
def test_other_conditions_than_those_of_the_rules(condition):
    model, program = load_model("dates"), make_program([*lines(9), "J 4, 2005"], path=None)
    rules = (parse_rule(f"lowConfidence({condition})"),)
    run = Corpus(model, program, SETTINGS["beam"], rules)
    exact = list(alone(model, program, planner_for(model, SETTINGS["beam"]), rules))
    assert [each.stops for each in run] == [each.stops for each in exact]
    assert run.counts.batched > 0


@pytest.fixture
def unsure():
    """A network of letters that writes the unknown token now and then, and cannot read an h."""
    model = rnn(letters="abcdefgh")
    source, output = model.network.source_embedding.weight, model.network.output.bias
    with torch.no_grad():
        kept = source.clone(), output.clone()
        source[model.tokenize("h").tokens[0].id] = torch.inf
        output[model.target.unknown] += 3.5
    yield model
    with torch.no_grad():
        source.copy_(kept[0])
        output.copy_(kept[1])


@pytest.mark.parametrize(
    "rule", ["unknownToken(unknown and step == 1)", "notFinite", "notFinite(not_finite == None and step > 6)"]
)
@pytest.mark.parametrize("beam", [1, 3])
def test_unknown_tokens_and_what_is_no_number(unsure, rule, beam):
    draw = random.Random(2)
    program = make_program(
        ["".join(draw.choices("abcdefgh", (9, 9, 9, 9, 9, 9, 9, 1), k=5)) for _ in range(16)], path=None
    )
    settings, rules = SearchSettings(max_length=8, beam_size=beam), (parse_rule(rule),)
    run = Corpus(unsure, program, settings, rules)
    found = list(run)
    exact = list(alone(unsure, program, planner_for(unsure, settings), rules))
    assert [each.stops for each in found] == [each.stops for each in exact]
    assert any(each.stops for each in found)
    if rule == "notFinite":  # what can be read stays in the batch
        assert run.counts.batched > 0


@pytest.mark.parametrize("rule", ["referencePruned", "referenceRank", "lowConfidence(state[0] > 2)"])
def test_rules_that_a_batch_cannot_tell_are_asked_singly_and_said(rule):
    run = Corpus(
        load_model("dates"), make_program(["1/2/2003\t2003-02-01"], path=None), None, (parse_rule(rule),)
    )
    assert all(each.exact for each in run)
    assert run.singly.name == "runs_singly"
