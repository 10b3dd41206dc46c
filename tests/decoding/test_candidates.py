"""Every candidate of a step is kept, with its fate and the reason for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from same_records import run_again
from tiny_models import CONFIGS, rnn

from s2sdap import SearchSettings, decode, load_model
from s2sdap.decoding.decode import score
from s2sdap.decoding.edits import TokenEdit
from s2sdap.decoding.records import Fate, Reason
from s2sdap.decoding.step import Decode

TEXT = "abcdh"


def records_of(settings, *, edits=(), model=None, prefix=None):
    plan = Decode.of(model or rnn(), TEXT, settings)
    if prefix is not None:
        plan = replace(plan, prefix=prefix)
    return run_again(plan, edits)[1]


def reasons(record, fate):
    candidates = record.candidates
    return [Reason(int(reason)) for reason in candidates.reason[candidates.fate == fate]]


def tokens_with(record, reason):
    candidates = record.candidates
    return {
        (int(p), int(t))
        for p, t in zip(
            candidates.parent[candidates.reason == reason],
            candidates.token[candidates.reason == reason],
            strict=True,
        )
    }


def check(records, settings, size):
    """What holds of the candidates of every step, whatever the search."""
    for record in records:
        candidates, before, after = record.candidates, record.before, record.after
        assert len({(p, t) for p, t in zip(candidates.parent, candidates.token, strict=True)}) == len(
            candidates
        )
        for row, parent in enumerate(before.live):
            mine = candidates.parent == row
            assert mine.sum() >= min(size, max(10, 2 * settings.beam_size))
            assert np.array_equal(candidates.score[mine], parent.score + candidates.logprob[mine])
        assert np.array_equal(
            candidates.final, candidates.score / candidates.length_term + candidates.coverage_term
        )
        new = [each for each in after.finished if each.step == record.step]
        old = [each for each in after.finished if each.step != record.step]
        assert {id(each) for each in old} == {id(each) for each in before.finished}
        for fate, hypotheses in ((Fate.SURVIVED, after.live), (Fate.FINISHED, new)):
            assert sorted(np.flatnonzero(candidates.fate == fate)) == sorted(h.candidate for h in hypotheses)
        assert Reason.NONE not in reasons(record, Fate.PRUNED)
        assert (candidates.child[candidates.fate == Fate.PRUNED] == -1).all()
        ids = [each.id for each in (*after.live, *new)]
        assert len(ids) == len(set(ids))
        for each in (*after.live, *new):
            at = each.candidate
            assert (each.token, each.row) == (candidates.token[at], candidates.parent[at])
            assert (each.score, each.logprob) == (candidates.score[at], candidates.logprob[at])
            assert (each.final, each.id) == (candidates.final[at], candidates.child[at])
            assert each.parent is before.live[each.row]
            assert each.score == each.parent.score + each.logprob
        kept = (candidates.fate != Fate.PRUNED) | (candidates.reason == Reason.ENDED)
        for row, parent in enumerate(before.live):  # in search's order, so the best child comes first
            children = candidates.child[kept & (candidates.parent == row)].tolist()
            assert not children or children[0] in (parent.id, -1)
            assert parent.id not in children[1:]
        if after.ended:
            assert not after.live
            assert record is records[-1]


@given(
    config=st.sampled_from(CONFIGS),
    width=st.integers(1, 6),
    max_length=st.integers(1, 9),
    min_length=st.integers(0, 4),
    ngram=st.integers(0, 3),
    beta=st.sampled_from([0.0, 0.4]),
    early=st.booleans(),
    letters=st.sampled_from(["u", "uvwxyz.", "ijklmnopqrstuvwxyz"]),
)
@hypothesis_settings(max_examples=50, deadline=None)
def test_fates_partition_the_candidates(config, width, max_length, min_length, ngram, beta, early, letters):
    model = rnn(config, letters=letters)
    settings = SearchSettings(
        beam_size=width,
        n_best=width,
        max_length=max_length,
        min_length=min(min_length, max_length),
        no_repeat_ngram=ngram,
        coverage_penalty=beta,
        early_stopping=early,
        length_penalty=0.6,
    )
    check(records_of(settings, model=model), settings, len(model.target))


@given(count=st.integers(1, 5), seed=st.integers(0, 2**63 - 1), top_k=st.integers(0, 4))
@hypothesis_settings(max_examples=25, deadline=None)
def test_fates_of_drawn_tokens_partition_too(count, seed, top_k):
    settings = SearchSettings(sample=True, n_best=count, seed=seed, top_k=top_k, max_length=7)
    records = records_of(settings)
    check(records, settings, len(rnn().target))
    for record in records:
        kept = record.candidates.fate != Fate.PRUNED
        assert sorted(record.candidates.parent[kept]) == list(range(len(record.before.live)))
        assert set(reasons(record, Fate.PRUNED)) <= {Reason.DRAW, Reason.CONSTRAINT}
    assert len(records[-1].after.finished) == count
    assert {each.id for each in records[-1].after.finished} == set(range(1, count + 1))


# ---------------------------------------------------------------- each reason


def test_rank():
    (first, *_) = records_of(SearchSettings(beam_size=2, max_length=3))
    assert reasons(first, Fate.SURVIVED) == [Reason.NONE] * 2
    assert set(reasons(first, Fate.PRUNED)) == {Reason.RANK}
    assert first.candidates.score[:2].min() > first.candidates.score[2:].max()


def test_length_at_both_ends():
    model, settings = rnn(), SearchSettings(beam_size=2, min_length=3, max_length=4)
    records = records_of(settings)
    for record in records[:2]:  # an end would come as the first or second token
        assert {token for _, token in tokens_with(record, Reason.LENGTH)} == {model.target.eos}
    assert not tokens_with(records[2], Reason.LENGTH)
    assert set(reasons(records[3], Fate.FINISHED)) <= {Reason.LENGTH, Reason.NONE}
    assert Reason.LENGTH in reasons(records[3], Fate.FINISHED)
    assert all(len(each.tokens) >= 3 for each in records[-1].after.finished)


@pytest.mark.parametrize(
    "settings",
    [
        SearchSettings(sample=True, top_k=2, min_length=4, max_length=4),
        SearchSettings(no_repeat_ngram=1, min_length=4, max_length=4),
    ],
    ids=["top-k", "n-gram"],
)
def test_only_the_end_is_forbidden_for_length(settings):
    eos = rnn().target.eos
    for record in records_of(settings)[:3]:
        assert tokens_with(record, Reason.LENGTH) == {(0, eos)}
        assert eos not in {token for _, token in tokens_with(record, Reason.CONSTRAINT)}
    assert any(tokens_with(record, Reason.CONSTRAINT) for record in records_of(settings))


def test_constraint_names_the_tokens_that_would_repeat():
    settings = SearchSettings(beam_size=3, no_repeat_ngram=1, max_length=5)
    for record in records_of(settings, model=rnn(letters="uvw")):
        forbidden = tokens_with(record, Reason.CONSTRAINT)
        assert forbidden == {(row, t) for row, each in enumerate(record.before.live) for t in each.tokens}


def test_draw():
    for record in records_of(SearchSettings(sample=True, n_best=2, max_length=3)):
        assert set(reasons(record, Fate.PRUNED)) == {Reason.DRAW}


def test_ended_prunes_the_live_ones_that_could_not_win():
    for early in (False, True):
        settings = SearchSettings(beam_size=3, n_best=2, early_stopping=early)
        last = records_of(settings, model=load_model("dates"))[-1]
        assert last.step < 30
        out_of_time = last.candidates.score[last.candidates.reason == Reason.ENDED]
        assert 1 <= len(out_of_time) <= 3
        assert early or out_of_time.max() <= last.after.finished[1].final


def test_greedy_ends_with_the_end_symbol_and_shows_the_runner_up():
    last = records_of(SearchSettings(), model=load_model("dates"))[-1]
    assert reasons(last, Fate.FINISHED) == [Reason.NONE]
    assert reasons(last, Fate.PRUNED).count(Reason.ENDED) == 1


def test_forced():
    model = rnn()
    chosen = TokenEdit(1, 1, model.target.find("y"))
    record = records_of(SearchSettings(beam_size=2, max_length=4), edits=[chosen])[1]
    row = [each.id for each in record.before.live].index(1)
    candidates = record.candidates
    mine = candidates.parent == row
    first = np.flatnonzero(mine)[0]
    assert (candidates.token[first], candidates.fate[first]) == (chosen.token, Fate.SURVIVED)
    assert set(candidates.reason[mine]) == {Reason.FORCED}
    assert (candidates.fate[mine] == Fate.PRUNED).sum() == mine.sum() - 1
    assert Reason.FORCED not in set(candidates.reason[~mine])


def test_the_last_step_and_childless_leaves_are_there():
    records = records_of(SearchSettings(beam_size=3, max_length=6))
    assert len(records) == 6
    childless = 0
    for record in records[1:]:
        kept = set(record.candidates.parent[record.candidates.child >= 0].tolist())
        for row in set(range(len(record.before.live))) - kept:
            childless += 1
            assert (record.candidates.parent == row).sum() >= 10
    assert childless


# ---------------------------------------------------------------- prefix and score


def test_a_prefix_is_counted_with_the_models_log_probs():
    model = rnn()
    text = "zyxw"
    forced = (*model.target.encode(text), model.target.eos)
    output = score(model, TEXT, text)
    records = records_of(SearchSettings(max_length=5), prefix=forced)
    assert output.tokens == forced == records[-1].after.finished[0].tokens
    by_hand = [
        float(record.sites["prediction.logprobs"][0, token])
        for record, token in zip(records, forced, strict=True)
    ]
    assert list(output.logprobs) == by_hand
    assert output.score == sum(by_hand)
    free = records_of(SearchSettings(beam_size=2, n_best=2, max_length=9, prefix=text))
    assert all(each.tokens[:4] == forced[:4] for each in free[-1].after.finished)
    assert [each.candidates.child.max() for each in free[:4]] == [1] * 4


@pytest.mark.parametrize("config", CONFIGS[::11])
def test_scoring_its_own_output_gives_its_own_log_probs(config):
    model = rnn(config)
    settings = SearchSettings(max_length=40, no_repeat_ngram=1)
    (output,) = decode(model, TEXT, settings)
    assert output.tokens[-1] == model.target.eos
    pieces = [piece for piece in output.pieces[:-1] if len(piece) == 1]
    if len(pieces) == len(output.pieces) - 1:  # special tokens cannot be written
        free = decode(model, TEXT, SearchSettings(max_length=40, prefix=output.text))[0]
        assert score(model, TEXT, output.text).logprobs[:-1] == free.logprobs[: len(pieces)]


def test_scoring_a_free_output_is_bit_for_bit_the_free_decode():
    model = load_model("dates")
    for text in ("March 3, 1999", "4 mai 2021"):
        (output,) = decode(model, text)
        again = score(model, text, output.text, SearchSettings(length_penalty=0.6, coverage_penalty=0.1))
        assert (again.tokens, again.logprobs, again.score) == (output.tokens, output.logprobs, output.score)


def test_scoring_reads_as_long_a_source_as_decoding_does():
    model, long = rnn(), "ab" * 1001
    assert score(model, long, "u", SearchSettings(max_source_length=3000)).tokens[-1] == model.target.eos
