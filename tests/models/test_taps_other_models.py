"""Models beside the families that are tried throughout: other attention, other encoders, other precisions."""

import functools

import pytest
import torch
import transformers as hf
from taps_probes import Editing, Keeping, equal_runs, fresh, generate, shared, sources, traces

from parity.families_weights import finished
from s2sdap.models.huggingface.taps import Taps

SIZES = {
    "vocab_size": 99,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 16,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}
GPT = {"vocab_size": 99, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 64, "pad_token_id": 0}
BART = {
    "vocab_size": 99,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
}


def falcon(implementation="sdpa"):
    return hf.FalconForCausalLM(hf.FalconConfig(**SIZES, attn_implementation=implementation))


def gpt_neo():
    config = hf.GPTNeoConfig(
        vocab_size=99,
        hidden_size=16,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=5,
        max_position_embeddings=64,
    )
    return hf.GPTNeoForCausalLM(config)


def upcasting_gpt2():
    config = hf.GPT2Config(**GPT, reorder_and_upcast_attn=True, attn_implementation="eager")
    return hf.GPT2LMHeadModel(config)


def mamba():
    return hf.MambaForCausalLM(
        hf.MambaConfig(vocab_size=99, hidden_size=16, state_size=4, num_hidden_layers=2)
    )


def nllb_moe():
    config = hf.NllbMoeConfig(**BART, num_experts=2, encoder_sparse_step=2, decoder_sparse_step=2)
    return hf.NllbMoeForConditionalGeneration(config)


def swin_and_mbart():
    encoder = hf.SwinConfig(
        image_size=16, patch_size=2, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    decoder = hf.MBartConfig(**BART, is_decoder=True, add_cross_attention=True)
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    return hf.VisionEncoderDecoderModel(config=config)


BUILDERS = {
    "direct torch attention": falcon,
    "softmax in a method": gpt_neo,
    "a way of its own when eager": upcasting_gpt2,
    "no attention": mamba,
    "another name for cross-attention": nllb_moe,
    "an encoder of stages": swin_and_mbart,
}


@functools.cache
def built(name):
    torch.manual_seed(4)
    return finished(BUILDERS[name]())


def inputs_for(model):
    if hasattr(model.config, "encoder"):
        return {"pixel_values": torch.ones(2, 3, 16, 16).cumsum(-1) / 16}
    ids = torch.arange(5, 21).view(2, 8)
    mask = torch.ones_like(ids)
    mask[1, :2] = 0
    return {"input_ids": ids, "attention_mask": mask.flip(1) if model.config.is_encoder_decoder else mask}


@pytest.mark.parametrize("name", BUILDERS)
def test_other_models(name):
    model = built(name)
    inputs = inputs_for(model)
    plain, before = generate(model, inputs, max_new_tokens=4), traces(model)
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        assert equal_runs(plain, generate(model, inputs, max_new_tokens=4))
    assert {key if isinstance(key, str) else key[0] for key in probe.kept} == set(taps.sites)
    for site in taps.sites:
        change = Editing(site, lambda value: value.roll(1, -1))
        with taps.installed(), taps.watching(change):
            assert not equal_runs(plain, generate(model, inputs, max_new_tokens=4)), site
    assert traces(model) == before


def test_what_they_cannot_show():
    lacking = {name: set(Taps(built(name)).missing) for name in BUILDERS}
    nothing_encoded = {"encoder.states", "encoder.layers"}
    assert lacking == {
        "direct torch attention": nothing_encoded,
        "softmax in a method": nothing_encoded,
        "a way of its own when eager": nothing_encoded,
        "no attention": nothing_encoded | {"attention.weights", "attention.contexts"},
        "another name for cross-attention": set(),
        "an encoder of stages": {"encoder.layers"},
    }


def test_torch_attention_is_shown_as_it_is():
    """Beside torch's own attention the weights are computed anew; the model's eager way gives the same."""
    fast, slow = built("direct torch attention"), finished(falcon("eager"))
    slow.load_state_dict(fast.state_dict())
    inputs = inputs_for(fast)
    probes = [Keeping(), Keeping()]
    for model, probe in zip((fast, slow), probes, strict=True):
        taps = Taps(model)
        with taps.installed(), taps.watching(probe):
            generate(model, inputs, max_new_tokens=4)
    for key, values in probes[0].kept.items():
        for value, other in zip(values, probes[1].kept[key], strict=True):
            torch.testing.assert_close(value, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["marian", "led", "llama", "gpt-oss"])
def test_half_precision(name):
    def last_alone(weights):  # in a wider type, which an edit may well come in
        return torch.zeros_like(weights, dtype=torch.float32).index_fill_(
            2, torch.tensor([weights.shape[2] - 1]), 1
        )

    model = fresh(name).to(torch.bfloat16)
    inputs = sources(name, model)
    plain = generate(model, inputs)
    taps, probe, change = (
        Taps(model),
        Keeping(),
        Editing("attention.weights", last_alone),
    )
    with taps.installed(), taps.watching(probe):
        assert equal_runs(plain, generate(model, inputs))
    assert {value.dtype for values in probe.kept.values() for value in values} == {torch.bfloat16}
    with taps.installed(), taps.watching(change):
        assert not equal_runs(plain, generate(model, inputs))


def test_a_forward_that_others_have_replaced():
    """As by libraries that move weights between devices: theirs runs inside of ours, and stays."""
    model = fresh("marian")
    inputs = sources("marian", model)
    plain = generate(model, inputs)
    layer, calls = model.model.decoder.layers[1], []
    own = layer.forward

    def theirs(*args, **kwargs):
        calls.append(1)
        return own(*args, **kwargs)

    layer.forward = theirs
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        assert equal_runs(plain, generate(model, inputs))
    assert layer.forward is theirs
    assert len(calls) == len(probe.kept["decoder.layers", 1]) == len(plain.logits)


def test_a_forward_that_others_replace_meanwhile():
    """What stands over ours stays, and passes through it."""
    model = fresh("marian")
    inputs = sources("marian", model)
    plain = generate(model, inputs)
    taps, layer = Taps(model), model.model.decoder.layers[1]
    with taps.installed():
        ours = layer.forward
        theirs = layer.forward = functools.partial(ours)
    assert layer.forward is theirs
    assert equal_runs(plain, generate(model, inputs))
    probe = Keeping()
    with taps.installed(), taps.watching(probe):
        assert equal_runs(plain, generate(model, inputs))
    assert layer.forward is theirs
    assert len(probe.kept["decoder.layers", 0]) == len(plain.logits)


def test_inference_mode():
    model = shared("llama")
    inputs = sources("llama", model)
    plain = generate(model, inputs)
    taps, probe = Taps(model), Keeping(lazily=True)
    with torch.inference_mode(), taps.installed(), taps.watching(probe):
        assert equal_runs(plain, generate(model, inputs))
    assert len(probe.kept["decoder.state"]) == len(plain.logits)
