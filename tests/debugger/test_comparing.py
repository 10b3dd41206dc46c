"""Comparisons of tiny decodes: with themselves, with a reference, another model, other settings."""

import math

import numpy as np
import pytest
import torch
from comparing import compare, done, forced, free, plan_of
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap.debugger.comparing.runs import Run, best_run, run_on
from s2sdap.decoding.decode import score
from s2sdap.decoding.reference import reference_of, unknown_parts
from s2sdap.models.tokenizers import TargetTokens
from s2sdap.models.tokens import counterpart
from s2sdap.vocabulary.errors import S2sdapError

DISTANCES = ("attention_tv", "attention_js", "state_l2", "state_cosine", "kl", "js")
REFERENCES = ("", "u", "xyx", "wvuuw", "uvwxyzuvw")


def rows_of(comparison):
    return done(comparison.rows())


@pytest.mark.parametrize("config", CONFIGS[::7])
def test_a_decode_is_no_distance_from_itself(config):
    run = free(rnn(config), beam_size=2)
    comparison = compare(run, free(rnn(config), beam_size=2))
    assert comparison.divergence is None
    assert comparison.parting is None
    rows = rows_of(comparison)
    assert len(rows) == len(run.nodes)
    for step, row in enumerate(rows):
        assert row.same
        assert row.left == row.right
        assert row.left.step == step
        assert row.left.rival is None
        for name in DISTANCES:
            value = getattr(row, name)
            assert value == 0 or (value is None and name.split("_")[0] in comparison.absent), name
    assert set(comparison.absent) == (set() if config.attention != "none" else {"attention"})


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_forced_as_score_scores_it(reference):
    run = forced(rnn(), reference, beam_size=3, n_best=2)
    expected = score(rnn(), "abcdh", reference)
    assert run.tokens == expected.tokens
    assert tuple(node.logprob for node in run.nodes) == expected.logprobs
    assert run.hypothesis.score == expected.score


def test_the_row_at_the_divergence_tells_of_both_tokens_in_both_distributions():
    model = rnn()
    greedy, reference = free(model), forced(model, "xyx")
    comparison = compare(greedy, reference)
    step = comparison.divergence
    assert greedy.tokens[:step] == reference.tokens[:step]
    assert greedy.tokens[step] != reference.tokens[step]
    parting = comparison.parting
    for cell, mine, theirs in ((parting.left, greedy, reference), (parting.right, reference, greedy)):
        row = mine.logprobs(step).double().numpy()
        order = np.argsort(-row, kind="stable").tolist()
        probabilities = np.exp(row)
        assert cell.token == mine.tokens[step]
        assert cell.logprob == pytest.approx(row[cell.token], abs=1e-12)
        assert cell.rank == order.index(cell.token)
        assert cell.entropy == pytest.approx(-(probabilities * row).sum(), abs=1e-12)
        assert cell.margin == pytest.approx(probabilities[order[0]] - probabilities[order[1]], abs=1e-12)
        assert cell.rival.token == theirs.tokens[step]
        assert cell.rival.rank == order.index(cell.rival.token)
        assert cell.rival.logprob == pytest.approx(row[cell.rival.token], abs=1e-12)
    assert parting.kl == 0  # the same model after the same prefix, one hypothesis at a time


def test_distances_are_those_of_the_sites():
    left, right = free(rnn()), free(rnn(seed=8))
    comparison = compare(left, right)
    assert comparison.same_vocabulary
    paired = [pair for pair in comparison.pairs if None not in pair]
    assert paired
    for i, j in paired:
        row = comparison.row((i, j))
        p, q = (
            run.records[step]
            .sites["attention.weights"][run.nodes[step].row]
            .mean(dim=(0, 1))
            .double()
            .numpy()
            for run, step in ((left, i), (right, j))
        )
        a, b = (
            run.records[step].sites["decoder.state"][run.nodes[step].row].double().numpy()
            for run, step in ((left, i), (right, j))
        )
        x, y = (run.logprobs(step).double().numpy() for run, step in ((left, i), (right, j)))
        middle = (p + q) / 2
        assert row.attention_tv == pytest.approx(np.abs(p - q).sum() / 2)
        assert row.attention_js == pytest.approx(
            ((p * np.log(p / middle)).sum() + (q * np.log(q / middle)).sum()) / 2
        )
        assert row.state_l2 == pytest.approx(np.linalg.norm(a - b))
        assert row.state_cosine == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert row.kl == pytest.approx(((np.exp(x) - np.exp(y)) * (x - y)).sum())


def test_vocabularies_that_differ_are_held_against_each_other_by_their_pieces():
    left, right = free(rnn()), free(rnn(letters="zyxwvu.", seed=7))
    comparison = compare(left, right)
    assert not comparison.same_vocabulary
    assert comparison.absent == {"distribution": "the vocabularies differ"}
    target, other = left.model.target, right.model.target
    assert other.piece(counterpart(target, other, target.find("u"))) == "u"
    assert counterpart(target, other, target.eos) == other.eos
    for row in rows_of(comparison):
        assert row.kl is None
        if row.left and row.right:
            assert row.same == (row.left.piece == row.right.piece)
            if row.left.rival:
                assert row.left.rival.piece == row.right.piece
    lacking = TargetTokens(rnn(letters="uv").target.config)
    assert counterpart(target, lacking, target.find("z")) is None


def test_other_settings_rule_out_what_the_first_allow():
    model = rnn()
    left, right = free(model), free(model, min_length=6)
    kls = [row.kl for row in rows_of(compare(left, right)) if row.kl is not None]
    assert math.inf in kls  # the end symbol, which only one of them allows


def test_what_cannot_be_told_is_absent_with_the_reason():
    plain = free(PromptedModel(), "abc")
    comparison = compare(free(rnn()), plain)
    assert comparison.absent["attention"] == "the right has no attention.weights"
    assert comparison.absent["distribution"] == "the vocabularies differ"
    assert "state" not in comparison.absent
    longer = compare(free(rnn()), free(rnn(), "abcd"))
    assert longer.absent == {"attention": "the sources have 5 and 4 tokens"}
    for row in rows_of(longer):
        assert (row.attention_tv, row.attention_js) == (None, None)


def test_states_of_different_sizes_are_not_compared():
    from models.small_networks import small_config

    small, large = rnn(), rnn(small_config(decoder_size=10))
    assert compare(free(small), free(large)).absent == {"state": "the states have 6 and 10 numbers"}


def test_a_side_that_ends_first_has_nothing_at_the_divergence():
    model = rnn()
    long = free(model, max_length=8)
    short = free(model, max_length=4)
    comparison = compare(long, short)
    assert comparison.divergence == 4
    assert comparison.parting.right is None
    assert comparison.parting.left.token == long.tokens[4]
    assert comparison.parting.left.rival is None
    assert not comparison.parting.same


def test_rows_come_in_pages():
    comparison = compare(free(rnn()), forced(rnn(), "xyx"))
    rows = rows_of(comparison)
    assert len(rows) == len(comparison.pairs)
    pages = [done(comparison.rows(start, 3)) for start in range(0, len(rows), 3)]
    assert tuple(row for page in pages for row in page) == rows


def test_what_has_written_nothing_is_refused():
    plan = plan_of(rnn())
    encoder = plan.begin()
    with pytest.raises(S2sdapError) as caught:
        Run("nothing", plan, encoder, (), encoder.after.live[0])
    assert caught.value.name == "nothing_written"


def test_unknown_parts_of_a_reference_are_named():
    plan = plan_of(rnn())
    reference = reference_of(plan, plan.begin(), "uqv!q")
    assert reference.unknown == ("q", "!")
    assert reference.tokens[-1] == plan.model.target.eos
    assert reference_of(plan, plan.begin(), "uv").unknown == ()
    from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig

    words = SideConfig(unit="word", lowercase=False, end=False, pieces=(*SPECIAL_PIECES, "das", "Haus"))
    target = TargetTokens(words)
    assert unknown_parts(target, "das alte Haus", target.encode("das alte Haus")) == ("alte",)
    assert unknown_parts(target, "das <unk> Haus", target.encode("das <unk> Haus")) == (), "it is written so"


@pytest.mark.parametrize("settings", [{}, {"beam_size": 3}, {"sample": True, "seed": 4}])
def test_what_is_thinned_is_run_again_bit_for_bit(settings):
    plan = plan_of(rnn(), **settings)
    encoder = plan.begin()
    whole, thin = done(run_on(plan, encoder)), done(run_on(plan, encoder, budget=200))
    assert sum(record.nbytes for record in thin) < sum(record.nbytes for record in whole)
    runs = [best_run("run", plan, encoder, records) for records in (whole, thin)]
    rows = done(compare(*runs).rows())
    assert all(row.left == row.right and row.kl == 0 for row in rows)
    for record, again in zip(whole, thin, strict=True):
        assert list(record.sites) == list(again.sites)
        for name, value in record.sites.items():
            assert torch.equal(value, again.sites[name])
        assert "nonsense" not in again.sites
        with pytest.raises(KeyError):
            again.sites["nonsense"]
