"""Networks that copy: the mixture of See et al. 2017 against its equations, and words of a source alone."""

import math

import numpy as np
import pytest
import torch
from equations import reference
from small_networks import seeded_network, side, small_config

from s2sdap.models.contract import untouched
from s2sdap.models.extended import ExtendedTokens
from s2sdap.models.rnn.copying import SourceWords, mixed
from s2sdap.models.rnn.training import Example, Plan, Trainer, TrainingSettings
from s2sdap.models.tokenizers import SideConfig, SourceTokenizer, TargetTokens, build_vocabulary
from s2sdap.models.tokens import Source

BOUND = 2e-5
SOURCE = [5, 9, 4, 7, 7, 10]
COPIES = [4, 12, 9, 11, 11, 4]
"""Of a vocabulary of 11: two words that it lacks, and three that stand twice or are written as well."""
STEPS = [2, 12, 5, 11]
BAHDANAU = {"attention": "concat", "attention_bias": True, "input_feed": True}
CONFIGS = {
    "pointer": small_config(copying="pointer", cell="lstm", input_feed=True),
    "before the cell": small_config(copying="pointer", attention_query="previous", attention="concat"),
    "two layers": small_config(copying="pointer", layers=2, target_embedding_size=3),
    "attentional": small_config(copying="attentional", **BAHDANAU),
    "an attention of its own": small_config(copying="attentional", copy_attention="general", cell="lstm"),
    "a concat of its own": small_config(copying="attentional", copy_attention="concat", **BAHDANAU),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def words(*rows):
    return SourceWords.of(rows, 11, 1)


@torch.no_grad()
def stepped(network, probe=untouched, rows=1):
    encoded = network.encode(torch.tensor([SOURCE]), None, probe, words(COPIES))
    state = network.begin(encoded).select(torch.zeros(rows, dtype=torch.long))
    logits = []
    for token in STEPS:
        scores, state = network.step(encoded, state, torch.tensor([token] * rows), probe)
        logits.append(scores)
    return logits


@configs
def test_the_mixture_is_that_of_the_equations(config):
    network = seeded_network(config)
    expected = reference(network, SOURCE, STEPS, COPIES)
    got = stepped(network)
    np.testing.assert_allclose([each[0].numpy() for each in got], expected, rtol=0, atol=BOUND)
    assert got[0].exp().sum().item() == pytest.approx(1, abs=1e-6)
    two = stepped(network, lambda _site, value: value.clone(), rows=2)
    for one, other in zip(got, two, strict=True):
        torch.testing.assert_close(one[0], other[1], rtol=0, atol=BOUND)


@configs
def test_training_a_padded_batch_and_decoding_are_one_computation(config):
    network = seeded_network(config)
    sources = torch.tensor([SOURCE, [8, 9, 0, 0, 0, 0]])
    copies = words(COPIES, [11, 4])
    inputs = torch.tensor([STEPS, STEPS])
    with torch.no_grad():
        taught = network(sources, torch.tensor([6, 2]), inputs, words=copies)
    torch.testing.assert_close(taught[0], torch.cat(stepped(network)), rtol=0, atol=BOUND)
    short = reference(network, [8, 9], STEPS, [11, 4])
    np.testing.assert_allclose(taught[1, :, :12].numpy(), short, rtol=0, atol=BOUND)
    assert (taught[1, :, 12] == -math.inf).all(), "the second sentence has no word of that number"


def test_an_edit_of_the_copy_probability_is_what_the_mixture_uses():
    network = seeded_network(CONFIGS["pointer"])

    def copy_all(site, value):
        return torch.ones_like(value) if site == "prediction.copy" else value

    seen = {}

    def watch(site, value):
        return seen.setdefault(site, value)

    stepped(network, watch)
    (row,) = stepped(network, copy_all)[0].exp()
    weights = seen["attention.weights"][0, 0, 0]
    assert row[11].item() == pytest.approx((weights[3] + weights[4]).item(), abs=1e-6)
    assert row[[4, 9, 11, 12]].sum().item() == pytest.approx(1, abs=1e-6)
    assert torch.isfinite(row.log()).all(), "what cannot be copied has a logarithm all the same"


def test_the_order_of_adding_cannot_matter():
    """Each word's weights are summed by one product; only exact zeros are added behind."""
    copies = words([11, 11, 4, 11])
    assert copies.gather[0].sum(dim=0).tolist() == [3, 0, 1, 0]
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    pointed = copies.gathered(weights[:, None])[:, 0]
    row = mixed(torch.zeros(1, 11), torch.tensor([0.5]), pointed, copies.ids, copies.counts, 1).exp()[0]
    assert row[11].item() == pytest.approx(0.35)
    assert row[4].item() == pytest.approx(0.15 + 0.5 / 11)


def test_a_network_that_copies_has_to_attend():
    with pytest.raises(ValueError, match="copying: words are copied by attention"):
        small_config(attention="none", copying="pointer")
    with pytest.raises(ValueError, match="copy_attention: a network that copies nothing"):
        small_config(copy_attention="general")


# ---------------------------------------------------------------- the words of a sentence


def worded(*pieces, lowercase=False):
    known = build_vocabulary(pieces, "word", lowercase=lowercase)
    return SideConfig(unit="word", lowercase=lowercase, end=False, pieces=known)


def extended(text, *pieces, lowercase=False, end=False):
    source = SourceTokenizer(SideConfig(unit="word", lowercase=False, end=end, pieces=side("").pieces))
    return ExtendedTokens(TargetTokens(worded(*pieces, lowercase=lowercase)), source.tokenize(text))


def test_words_that_the_vocabulary_lacks_follow_it():
    target = extended("who is Yersin or Simond or Yersin", "who", "is")
    assert target.added == ("Yersin", "or", "Simond")
    assert target.copies == (target.find("who"), target.find("is"), 6, 7, 8, 7, 6)
    assert len(target) == 9
    assert [target.piece(token) for token in (6, 8)] == ["Yersin", "Simond"]
    assert target.encode("who is Simond today") == (5, 4, 8, target.unknown)
    assert target.text((5, 4, 8, target.eos)) == "who is Simond"
    with pytest.raises(IndexError):
        target.piece(9)


def test_what_is_no_word_is_copied_as_what_it_means():
    assert extended("a b", "a", end=True).copies[-1] == TargetTokens(worded("a")).eos
    spelt = extended("<s> x </s> <unk>", "a")
    assert spelt.copies == (spelt.unknown, 5, spelt.unknown, spelt.unknown)
    folded = extended("Yersin yersin", "a", lowercase=True)
    assert (folded.added, folded.copies) == (("yersin",), (5, 5))
    assert folded.encode("YERSIN") == (5,)


# ---------------------------------------------------------------- learning


def test_the_loss_is_the_negative_logarithm_of_the_mixture():
    vocabulary = side("abcdefg")
    plan = Plan(
        network=CONFIGS["pointer"],
        source=vocabulary,
        target=vocabulary,
        settings=TrainingSettings(epochs=1, batch_size=2, learning_rate=1e-9, seed=3),
    )
    trainer = Trainer.start(plan)
    examples = [Example((5, 1, 7), (11, 5), (5, 11, 7)), Example((4, 1, 1), (12, 7, 11), (4, 11, 12))]
    expected = []
    for source, target, copies in examples:
        rows = reference(trainer.network, list(source), (2, *target), copies)
        expected += [row[token] for row, token in zip(rows, (*target, 3), strict=True)]
    report = trainer.epoch(examples)
    assert report.loss == pytest.approx(-np.mean(expected), abs=1e-5)


def test_a_source_of_one_token_can_be_read():
    assert ExtendedTokens(TargetTokens(worded("a")), Source("", ())).copies == ()
    assert words([4]).gather.tolist() == [[[1.0]]]
