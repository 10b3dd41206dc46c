"""Where a reference went, against a search that keeps everything and is written from the textbook."""

import itertools
from dataclasses import dataclass, field
from functools import cache

import pytest
import torch
from comparing import done, plan_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tiny_models import rnn

from s2sdap.debugger.comparing.runs import run_on
from s2sdap.debugger.comparing.whereabouts import Outcome, told, where_did_it_go
from s2sdap.decoding.records import Fate, Reason
from s2sdap.models.contract import untouched

LENGTH = 6


@dataclass
class Traced:
    """What a beam search did: by step all continuations, best first, and those that went on."""

    ways: list = field(default_factory=list)
    going: list = field(default_factory=list)
    finished: list = field(default_factory=list)


@cache
def traced(model, text, width, alpha=0.0):
    """Beam search by the book; never stops early. Scores are sums of single log-probs."""
    encoded, eos = model.encode(model.tokenize(text), untouched), model.target.eos
    state, live, out = model.begin(encoded), [((), 0.0)], Traced()
    for length in range(1, LENGTH + 1):
        last = torch.tensor([tokens[-1] if tokens else model.target.bos for tokens, _ in live])
        logits, state = model.step(encoded, state, last, untouched)
        rows = torch.log_softmax(logits, dim=-1).double().tolist()
        ways = sorted(
            (-(live[row][1] + value), row, token)
            for row, values in enumerate(rows)
            for token, value in enumerate(values)
        )
        out.ways.append([((*live[row][0], token), -minus) for minus, row, token in ways])
        following, parents = [], []
        for rank, (minus, row, token) in enumerate(ways):
            tokens = (*live[row][0], token)
            ends = token == eos
            if (ends and rank < width) or (length == LENGTH and not ends and len(following) < width):
                out.finished.append((-minus / ((5 + length) / 6) ** alpha, tokens))
            if not ends and len(following) < width:
                following.append((tokens, -minus))
                parents.append(row)
        out.going.append(following)
        live, state = following, model.select(state, torch.tensor(parents))
    out.finished.sort(reverse=True)
    return out


@cache
def searched(model, text="abcdh", **settings):
    plan = plan_of(model, text, max_length=LENGTH, **settings)
    encoder = plan.begin()
    return plan, encoder, done(run_on(plan, encoder))


@given(data=st.data(), seed=st.sampled_from([7, 8, 9]), width=st.integers(1, 4))
@hypothesis_settings(max_examples=300, deadline=None)
def test_it_is_found_where_the_book_has_it(data, seed, width):
    model = rnn(seed=seed)
    book = traced(model, "abcdh", width)
    # What the search had at some step, and anything after it: so references fall at every step.
    step = data.draw(st.integers(-1, LENGTH - 1))
    begun, _ = data.draw(st.sampled_from(book.going[step])) if step >= 0 else ((), 0.0)
    rest = data.draw(st.lists(st.sampled_from([1, *range(4, 11)]), max_size=LENGTH + 1 - len(begun)))
    tokens = (*begun, *rest, model.target.eos)
    plan, encoder, records = searched(model, beam_size=width, n_best=width)
    check(where_did_it_go(plan, encoder, records, tokens), book, tokens)


def check(found, book, tokens):
    """A whereabouts against what the textbook's search did with the same tokens."""
    finished = {each: score for score, each in book.finished}
    for step, _ in enumerate(tokens):
        prefix = tokens[: step + 1]
        order = [each for each, _ in book.ways[step]]
        if prefix in [each for each, _ in book.going[step]] and step + 1 < LENGTH:
            if found.fall is not None and found.fall.step == step:  # ours had seen enough, and ended
                assert found.fall.reason is Reason.ENDED
                assert found.fall.gap >= 0
                return
            continue
        if prefix in finished:
            if prefix == tokens:
                place = sorted(finished.values(), reverse=True).index(finished[prefix])
                assert found.hypothesis.tokens == tokens
                assert found.hypothesis.final == pytest.approx(finished[prefix])
                kept = place < len(book.going[0])
                assert found.outcome in ((Outcome.OUTPUT, Outcome.N_BEST) if kept else (Outcome.LOST,))
                assert found.behind == pytest.approx(book.finished[0][0] - finished[prefix])
                if kept:
                    assert found.place == place
            else:
                assert found.outcome is Outcome.CUT
                assert found.hypothesis.tokens == prefix
            return
        fall = found.fall
        assert found.outcome in (Outcome.PRUNED, Outcome.NEVER)
        assert (fall.step, fall.token) == (step, tokens[step])
        scores = dict(book.ways[step])
        rank = order.index(prefix)
        assert fall.rank == pytest.approx(rank, abs=0)
        assert fall.score == pytest.approx(scores[prefix])
        assert fall.reason is Reason.RANK
        assert (fall.fate is Fate.PRUNED) == (found.outcome is Outcome.PRUNED)
        kept = [each for each, _ in book.going[step]] + [
            each for each in finished if len(each) == step + 1 and each in scores
        ]
        gap = min(scores[each] - scores[prefix] for each in kept if scores[each] >= scores[prefix])
        assert fall.gap == pytest.approx(gap)
        assert fall.gap >= 0
        return
    raise AssertionError("a reference that the book neither keeps nor loses")


@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_output_is_found_at_its_place(width):
    plan, encoder, records = searched(rnn(), beam_size=width, n_best=width)
    for place, output in enumerate(plan.best(records[-1].after)):
        found = where_did_it_go(plan, encoder, records, output.tokens)
        assert found.hypothesis is output
        assert found.place == place
        assert found.outcome is (Outcome.N_BEST if place else Outcome.OUTPUT)
        line = told(found, plan)
        assert ("it is the output" in line) == (place == 0)


def test_what_finished_and_is_not_returned_is_lost():
    model = rnn()
    plan, encoder, records = searched(model, beam_size=4, n_best=1)
    finished = records[-1].after.finished
    assert len(finished) > 1
    for place, each in enumerate(finished[1:], start=1):
        found = where_did_it_go(plan, encoder, records, each.tokens)
        assert (found.outcome, found.place, found.finished) == (Outcome.LOST, place, len(finished))
        assert found.behind == finished[0].final - each.final
        assert "not returned" in told(found, plan)


def test_a_search_that_has_not_ended_has_it_still():
    plan, encoder, records = searched(rnn(), beam_size=2)
    tokens = plan.best(records[-1].after)[0].tokens
    assert len(tokens) > 2
    found = where_did_it_go(plan, encoder, records[:2], tokens)
    assert found.outcome is Outcome.OPEN
    assert found.hypothesis.tokens == tokens[:2]
    assert "still in the beam after 2 tokens" in told(found, plan)


def test_what_a_setting_rules_out_says_so():
    model = rnn()
    plan, encoder, records = searched(model, beam_size=2, no_repeat_ngram=1)
    first = plan.best(records[-1].after)[0].tokens[0]
    found = where_did_it_go(plan, encoder, records, (first, first, model.target.eos))
    assert found.fall.step == 1
    assert found.fall.reason is Reason.CONSTRAINT
    assert "constraint" in told(found, plan)


def test_what_a_draw_passed_over_says_so():
    model = rnn()
    plan, encoder, records = searched(model, sample=True, seed=3)
    drawn = plan.best(records[-1].after)[0].tokens
    other = next(token for token in range(4, 11) if token != drawn[0])
    found = where_did_it_go(plan, encoder, records, (other, model.target.eos))
    assert found.fall.reason is Reason.DRAW
    assert found.fall.survivor.token == drawn[0]


def test_a_forced_prefix_shuts_it_out():
    model = rnn()
    plan, encoder, records = searched(model, beam_size=2, prefix="uv")
    found = where_did_it_go(plan, encoder, records, (*model.target.encode("uw"), model.target.eos))
    assert (found.fall.step, found.fall.reason) == (1, Reason.FORCED)
    assert found.fall.survivor.tokens == model.target.encode("uv")


def test_an_edit_is_followed_like_the_rest():
    from s2sdap.decoding.edits import TokenEdit

    model = rnn()
    plan, encoder, records = searched(model)
    token = next(each for each in range(4, 11) if each != records[0].after.live[0].token)
    again = plan.step(encoder, encoder.after, (TokenEdit(0, 1, token),))
    records = done(run_on(plan, encoder, (again,)))
    tokens = plan.best(records[-1].after)[0].tokens
    assert where_did_it_go(plan, encoder, records, tokens).outcome is Outcome.OUTPUT


def test_every_short_reference_is_somewhere():
    model = rnn()
    plan, encoder, records = searched(model, beam_size=3, n_best=2)
    seen = set()
    for length in range(3):
        for written in itertools.product(range(4, 11), repeat=length):
            tokens = (*written, model.target.eos)
            found = where_did_it_go(plan, encoder, records, tokens)
            seen.add(found.outcome)
            assert told(found, plan)
            assert (found.fall is None) == (found.outcome not in (Outcome.PRUNED, Outcome.NEVER))
    assert {Outcome.PRUNED, Outcome.NEVER} <= seen
