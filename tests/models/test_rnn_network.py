"""The recurrent network against its equations in NumPy, and its sites against what they promise.

The reference works in double precision from the same weights. Over the whole grid the largest
difference that was measured is 6e-7, in logits of magnitude up to 3, and 5e-7 between a row alone
and the same row among three; the bound is some thirty times that, for other processors.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from equations import reference
from small_networks import (
    config_name,
    covering_configs,
    every_config,
    further_configs,
    model_of,
    seeded_network,
    small_config,
)

from s2sdap.models.contract import untouched
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

BOUND = 2e-5
SOURCE = [5, 9, 4, 7, 7, 10]
STEPS = [[2, 2, 2], [4, 8, 6], [9, 4, 4]]

COVERING = [*covering_configs(), *further_configs()]

all_configs = pytest.mark.parametrize("config", [*every_config(), *further_configs()], ids=config_name)
configs = pytest.mark.parametrize("config", COVERING, ids=config_name)
two_layers = pytest.mark.parametrize(
    "config", [config for config in COVERING if config.layers == 2], ids=config_name
)


class Recording:
    """Keeps every tensor in the order in which it is probed, and changes those that `edits` names."""

    def __init__(self, edits=None):
        self.edits = edits or {}
        self.seen = {}

    def __call__(self, site, value):
        assert site not in self.seen, "a site is probed once"
        value = self.edits[site](value.clone()) if site in self.edits else value
        self.seen[site] = value
        return value


@dataclass
class Run:
    encoder: dict
    steps: list
    logits: list


@torch.no_grad()
def run(network, *, encoder=None, step=None, at=0, rows=3, probe=Recording):
    """Three rows of one sentence for as many steps as STEPS; `step` are the edits of step `at`."""
    first = probe(encoder) if probe is Recording else probe
    encoded = network.encode(torch.tensor([SOURCE]), None, first)
    state = network.begin(encoded).select(torch.zeros(rows, dtype=torch.long))
    seen, logits = [], []
    for t, tokens in enumerate(STEPS):
        each = probe(step if t == at else None) if probe is Recording else probe
        scores, state = network.step(encoded, state, torch.tensor(tokens[:rows]), each)
        logits.append(scores)
        seen.append(getattr(each, "seen", {}))
    return Run(getattr(first, "seen", {}), seen, logits)


@all_configs
def test_logits_are_those_of_the_equations(config):
    network = seeded_network(config)
    got = run(network)
    for row in range(3):
        expected = reference(network, SOURCE, [tokens[row] for tokens in STEPS])
        np.testing.assert_allclose([step[row].numpy() for step in got.logits], expected, rtol=0, atol=BOUND)


# ---------------------------------------------------------------- sites


@configs
def test_every_site_of_the_layout_is_probed_in_order_with_its_shape(config, tmp_path):
    model = model_of(config, tmp_path)
    rows, heads, features = 3, 1, config.decoder_size
    shapes = {
        "encoder.layers": (config.layers, 4, config.states_size),
        "encoder.states": (4, config.states_size),
        "decoder.layers": (rows, config.layers, features),
        "decoder.cells": (rows, config.layers, features),
        "decoder.state": (rows, features),
        "attention.scores": (rows, 1, heads, 4),
        "attention.weights": (rows, 1, heads, 4),
        "attention.context": (rows, config.states_size),
        "prediction.features": (rows, features),
    }
    first, second = Recording(), Recording()
    encoded = model.encode(model.tokenize("abca"), first)
    state = model.select(model.begin(encoded), torch.zeros(rows, dtype=torch.long))
    logits, _ = model.step(encoded, state, torch.tensor([2, 2, 2]), second)
    assert logits.shape == (rows, len(model.target))
    assert (*first.seen, *second.seen, "prediction.logits") == model.layout.sites
    for site, value in (first.seen | second.seen).items():
        assert value.shape == shapes[site], site
        assert value.dtype is torch.float32
    assert ("decoder.cells" in second.seen) == (config.cell == "lstm")
    assert ("encoder.layers" in first.seen) == (config.layers > 1)
    order = list(dict.fromkeys(SITES[site].stage for site in model.layout.sites))
    assert (*order, Stage.SEARCH) == model.layout.stages
    if config.attention != "none":
        weights = second.seen["attention.weights"]
        assert torch.equal(weights, second.seen["attention.scores"].softmax(-1))
        torch.testing.assert_close(
            second.seen["attention.context"],
            weights[:, 0, 0] @ first.seen["encoder.states"],
            rtol=0,
            atol=1e-6,
        )


@configs
def test_watching_changes_no_bit(config):
    network = seeded_network(config)
    plain = run(network, probe=untouched).logits
    assert all(map(torch.equal, run(network).logits, plain))
    assert all(map(torch.equal, run(network, probe=lambda _site, value: value.clone()).logits, plain))


@configs
def test_training_and_decoding_are_one_computation(config):
    network = seeded_network(config)
    inputs = torch.tensor(STEPS).T[:1]
    with torch.no_grad():
        taught = network(torch.tensor([SOURCE]), torch.tensor([len(SOURCE)]), inputs)[0]
    stepped = torch.cat(run(network, rows=1).logits)
    torch.testing.assert_close(taught, stepped, rtol=0, atol=BOUND)


@configs
def test_padding_is_not_read(config):
    network = seeded_network(config)
    sentences = [[5, 9, 4, 7, 7, 10], [8], [6, 11, 3]]
    padded = torch.tensor([[*each, *[0] * (6 - len(each))] for each in sentences])
    inputs = torch.tensor(STEPS).T
    with torch.no_grad():
        together = network(padded, torch.tensor([6, 1, 3]), inputs)
        for row, sentence in enumerate(sentences):
            alone = network(torch.tensor([sentence]), torch.tensor([len(sentence)]), inputs[row : row + 1])
            torch.testing.assert_close(together[row], alone[0], rtol=0, atol=BOUND)
        wanted = torch.arange(inputs.shape[1]) < torch.tensor([[3], [1], [2]])
        some = network(padded, torch.tensor([6, 1, 3]), inputs, wanted)
        torch.testing.assert_close(some, together[wanted], rtol=0, atol=BOUND)


@configs
def test_rows_decode_as_they_do_alone_and_in_any_order(config):
    """Within a bound: a product of one row and one of three are summed in a different order."""
    network = seeded_network(config)
    with torch.no_grad():
        encoded = network.encode(torch.tensor([SOURCE]), None, untouched)
        one = network.begin(encoded)
        _, three = network.step(
            encoded, one.select(torch.zeros(3, dtype=torch.long)), torch.tensor([4, 8, 6]), untouched
        )
        logits, after = network.step(encoded, three, torch.tensor([9, 4, 5]), untouched)
        for row, token in enumerate([9, 4, 5]):
            alone, _ = network.step(
                encoded, three.select(torch.tensor([row])), torch.tensor([token]), untouched
            )
            torch.testing.assert_close(logits[row], alone[0], rtol=0, atol=BOUND)
        order = torch.tensor([2, 0, 1, 0])
        moved, moved_after = network.step(encoded, three.select(order), torch.tensor([5, 9, 4, 9]), untouched)
        torch.testing.assert_close(moved, logits[order], rtol=0, atol=BOUND)
        again, _ = network.step(encoded, three, torch.tensor([9, 4, 5]), untouched)
        assert torch.equal(again, logits), "the state before the step is still what it was"
    for before, now in zip(after.select(order).hidden, moved_after.hidden, strict=True):
        torch.testing.assert_close(now, before, rtol=0, atol=BOUND)


@configs
def test_select_takes_rows_exactly(config):
    network = seeded_network(config)
    with torch.no_grad():
        encoded = network.encode(torch.tensor([SOURCE]), None, untouched)
        start = network.begin(encoded).select(torch.zeros(3, dtype=torch.long))
        _, state = network.step(encoded, start, torch.tensor([4, 8, 6]), untouched)
        order = torch.tensor([2, 2, 0, 1])
        taken = state.select(order)
    whole = (*state.hidden, *state.cells, *(() if state.feed is None else (state.feed,)))
    parts = (*taken.hidden, *taken.cells, *(() if taken.feed is None else (taken.feed,)))
    assert len(state.cells) == (config.layers if config.cell == "lstm" else 0)
    assert (state.feed is not None) == config.input_feed
    for before, now in zip(whole, parts, strict=True):
        assert torch.equal(before[order], now)


# ---------------------------------------------------------------- edits


def shifted(value):
    """Another value in row 1, all of it, and by a different amount in every place."""
    value[1] += torch.linspace(0.3, 0.9, value[1].numel()).reshape(value[1].shape)
    return value


def reached(plain, edited, row):
    """The sites of each step, and its logits, in which `row` differs between two runs."""
    found = []
    for t, sites in enumerate(plain.steps):
        both = {**sites, "logits": plain.logits[t]}, {**edited.steps[t], "logits": edited.logits[t]}
        found.append({site for site in both[0] if not torch.equal(both[0][site][row], both[1][site][row])})
    return found


def expected_reach(config, site):
    """What an edit of `site` in step 0 must change in steps 0 and 1, by the docstring of `network`."""
    everything = {"decoder.layers", "decoder.state", "prediction.features", "logits"}
    attention = {"attention.scores", "attention.weights", "attention.context"}
    everything |= {"decoder.cells"} if config.cell == "lstm" else set()
    everything |= attention if config.attention != "none" else set()
    previous = config.attention_query == "previous"
    if site == "decoder.cells":
        now = {"decoder.cells"}
        if previous:  # the query of the next step is the state of this one, which has been computed
            return now, everything - attention
        return now, everything
    output = {"prediction.features", "logits"}
    if site in ("decoder.layers", "decoder.state"):
        now = {"decoder.layers"} if site == "decoder.layers" else set()
        now |= (
            {"decoder.state"} | output | (attention if config.attention != "none" and not previous else set())
        )
        return now, everything
    chain = ["attention.scores", "attention.weights", "attention.context"]
    if site in chain:
        now = set(chain[chain.index(site) :]) | output
        if previous:
            return now | everything - attention, everything
    else:
        now = output
    return now, everything if config.input_feed else set()


@configs
def test_an_edit_reaches_what_it_should_and_nothing_else(config):
    network = seeded_network(config)
    plain = run(network)
    for site in plain.steps[0]:
        edited = run(network, step={site: shifted})
        for row in (0, 2):
            assert reached(plain, edited, row) == [set(), set(), set()], f"{site}: others keep every bit"
        now, following, _ = reached(plain, edited, 1)
        assert (now, following) == expected_reach(config, site), site


def lower_layer(value):
    value[1, 0] += 0.5
    return value


@two_layers
def test_an_edit_of_a_lower_decoder_layer_waits_for_the_next_step(config):
    network = seeded_network(config)
    plain, edited = run(network), run(network, step={"decoder.layers": lower_layer})
    now, following, _ = reached(plain, edited, 1)
    assert now == {"decoder.layers"}
    assert {"decoder.layers", "decoder.state", "logits"} <= following


@configs
def test_an_edit_of_the_encoder_reaches_every_step(config):
    network = seeded_network(config)
    plain = run(network)

    def other_states(value):
        value[0] += 0.5
        value[-1] -= 0.5
        return value

    edited = run(network, encoder={"encoder.states": other_states})
    for row in range(3):
        for changed in reached(plain, edited, row):
            assert changed == {*plain.steps[0], "logits"}


@two_layers
def test_an_edit_of_a_lower_encoder_layer_reaches_the_first_state_of_that_layer_only(config):
    network = seeded_network(config)
    plain = run(network)

    def inner_position(value):
        value[0, 2] += 0.5
        return value

    def last_position(value):
        value[0, -1] += 0.5
        return value

    for edit, reaches in ((inner_position, False), (last_position, True)):
        edited = run(network, encoder={"encoder.layers": edit})
        assert torch.equal(edited.encoder["encoder.states"], plain.encoder["encoder.states"])
        assert torch.equal(edited.logits[0], plain.logits[0]) != reaches


def test_weights_of_attention_are_used_as_given():
    """All weight on one token: the context is that token's state, to the bit."""
    network = seeded_network(small_config())

    def one_token(value):
        value.zero_()[..., 3] = 1
        return value

    edited = run(network, step={"attention.weights": one_token})
    for row in range(3):
        assert torch.equal(edited.steps[0]["attention.context"][row], edited.encoder["encoder.states"][3])


# ---------------------------------------------------------------- the encoder's two ways


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("both_ways", [False, True])
def test_the_kernel_and_the_steps_agree(cell, both_ways):
    """With sigmoid gates the encoder runs PyTorch's kernel; its own steps must give the same."""
    layer = seeded_network(small_config(cell=cell, bidirectional=both_ways)).encoder[0]
    inputs, lengths = torch.randn(4, 7, 5), torch.tensor([7, 1, 4, 6])
    with torch.no_grad():
        for given in (lengths, None):
            kernel, steps = layer(inputs, given), layer._by_steps(inputs, given)
            torch.testing.assert_close(steps[0], kernel[0], rtol=0, atol=1e-6)
            assert (kernel[1] is None) == (steps[1] is None) == (cell != "lstm")
            if kernel[1] is not None:
                torch.testing.assert_close(steps[1], kernel[1], rtol=0, atol=1e-6)


def test_dropout_acts_in_training_only():
    network = seeded_network(small_config(dropout=0.5, layers=2))
    batch = torch.tensor([SOURCE]), torch.tensor([6]), torch.tensor([[2, 4]])
    with torch.no_grad():
        assert torch.equal(network(*batch), network(*batch))
        network.train()
        assert not torch.equal(network(*batch), network(*batch))


def test_a_source_without_tokens_is_refused(tmp_path):
    model = model_of(small_config(), tmp_path)
    with pytest.raises(ValueError, match="without tokens"):
        model.encode(model.tokenize(""), untouched)


def test_a_decode_needs_no_gradients(tmp_path):
    model = model_of(small_config(), tmp_path)
    encoded = model.encode(model.tokenize("abc"), untouched)
    logits, _ = model.step(encoded, model.begin(encoded), torch.tensor([2]), untouched)
    assert not logits.requires_grad
    assert not any(weight.requires_grad for weight in model.network.parameters())
