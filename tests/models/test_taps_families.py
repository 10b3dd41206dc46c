"""The tiny models that parity is held on: they load as users load them, and their output is no monotone."""

import pytest
import torch
from taps_probes import ALL, FAMILIES, generate, shared, sources

from parity.families import load, saved


@pytest.mark.parametrize("name", ALL)
def test_output_varies(name):
    model = shared(name)
    assert not model.training
    result = generate(model, sources(name, model, 1))
    tokens = result.sequences[0, -12:].tolist()
    assert len(set(tokens)) >= min(4, len(tokens))


def test_building_twice_gives_the_same_model(tmp_path):
    family = FAMILIES["qwen3-next"]  # some of its weights are drawn when it is made
    torch.manual_seed(1)
    before = torch.get_rng_state()
    folder = saved(family, tmp_path / "one")
    assert torch.get_rng_state().equal(before)
    one = load(folder)
    other = load(saved(family, tmp_path / "other"))
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all(value.equal(other.state_dict()[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("name", ["marian", "speech2text", "moonshine", "llama", "trocr"])
def test_batches_are_really_padded(name):
    inputs = sources(name, shared(name), 3)
    if name == "trocr":  # images have one size
        assert len(inputs["pixel_values"]) == 3
        return
    lengths = inputs["attention_mask"].sum(-1).tolist()
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 3
    padded_left = inputs["attention_mask"][2, 0] == 0
    assert padded_left == (FAMILIES[name].kind == "decoder-only")
