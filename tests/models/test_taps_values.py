"""What taps show is what the model computed: held against the outputs that transformers itself can give."""

import pytest
import torch
from taps_probes import ALL, FAMILIES, PROMPTED, Keeping, fresh, generate, shared, sources

from s2sdap.models.huggingface.taps import Taps
from s2sdap.models.huggingface.taps.lean import is_known, row_weights
from s2sdap.models.huggingface.taps.probing import Watch
from s2sdap.models.huggingface.taps.rows import plain_eager, weights_of_last

# Families whose decoder ends with its last layer.
NO_FINAL_NORM = {"bart", "led", "prophetnet", "fsmt", "encoder-decoder", "trocr", "marian"}
STREAMS = {"prophetnet"}  # its `hidden_states` are of the main stream; the next token is predicted by another


def eager(name):
    model = fresh(name)
    model.set_attn_implementation("eager")
    return model


def watched(model, name, **settings):
    taps, probe = Taps(model), Keeping()
    inputs = sources(name, model)
    with taps.installed(), taps.watching(probe):
        result = generate(model, inputs, output_attentions=True, output_hidden_states=True, **settings)
    return taps, probe.kept, result


@pytest.mark.parametrize("name", ALL)
def test_everything_equals_what_the_model_gives_out(name):
    model = eager(name)
    taps, kept, result = watched(model, name)
    encoding = FAMILIES[name].kind != "decoder-only"
    attentions = result.cross_attentions if encoding else result.attentions
    for step, of_layers in enumerate(attentions):
        attending = [one for one in of_layers if one is not None]
        assert len(attending) == taps.layers
        for layer, given in enumerate(attending):
            weights = kept["attention.weights", layer][step]
            if name == "prophetnet":  # it gives the scores, of all streams
                assert weights.equal(given.softmax(-1)[:, :, _streams(given.shape[2])])
                continue
            shown, window = weights[:, :, -given.shape[-1] :], weights.shape[-1] - given.shape[-1]
            assert shown.equal(given[:, :, -1])
            assert not weights[:, :, :window].any()
    states = result.decoder_hidden_states if encoding else result.hidden_states
    for step, of_layers in enumerate(states):
        if name in STREAMS:
            continue
        for layer in range(taps.decoder_layers - 1):
            assert kept["decoder.layers", layer][step].equal(of_layers[layer + 1][:, -1])
        assert kept["decoder.state"][step].equal(of_layers[-1][:, -1])
        if name in NO_FINAL_NORM:
            assert kept["decoder.layers", taps.decoder_layers - 1][step].equal(kept["decoder.state"][step])
    if encoding:
        _check_encoder(model, name, taps, kept, result)
    _check_output(model, name, kept, result)


def _streams(length):
    return 2 * (length // 3) - 1


def _check_encoder(model, name, taps, kept, result):
    given = [one[0] if isinstance(one, tuple) else one for one in result.encoder_hidden_states]
    states = kept["encoder.states"][0]
    for layer in range(taps.encoder_layers - 1):
        shown = kept["encoder.layers", layer][0]
        assert shown.equal(given[layer + 1][:, : shown.shape[1]])
    projection = getattr(model, "enc_to_dec_proj", None)
    last = given[-1] if projection is None else projection(given[-1])
    if name == "trocr":  # it gives the states before the last norm out
        last = model.encoder.layernorm(last)
    if name == "vision-encoder-decoder":
        last = projection(model.encoder.layernorm(given[-1]))
    assert states.equal(last)


def _check_output(model, name, kept, result):
    """The output layer makes the step's logits of the features."""
    output = Taps(model)._anatomy.output
    bias = next((value for key, value in model.named_buffers() if key.endswith("final_logits_bias")), 0.0)
    cap = (
        getattr(model.config.get_text_config(), "final_logit_softcapping", None)
        if name != "t5gemma"
        else 30.0
    )
    for features, logits in zip(kept["prediction.features"], result.logits, strict=True):
        made = output(features) + bias
        if cap is not None:
            made = torch.tanh(made / cap) * cap
        torch.testing.assert_close(made, logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["encoder-decoder", "marian", "mt5", "gemma3"])
def test_weights_of_the_fast_implementations(name):
    """Beside sdpa the weights are computed anew, in sums of another order than an eager run's.

    How far they are off depends on the processor's kernels: measured are 2e-6 on one and 2.3e-5 on another,
    there for mT5 alone, whose scores are not scaled down before the softmax.
    """
    _, fast, one = watched(eager(name), name)
    model = fresh(name)
    inputs = sources(name, model)
    assert model.config._attn_implementation != "eager" or name == "encoder-decoder"
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        two = generate(model, inputs)
    assert one.sequences.equal(two.sequences)
    for key, values in fast.items():
        if key[0] == "attention.weights":
            for value, other in zip(values, probe.kept[key], strict=True):
                torch.testing.assert_close(value, other, atol=5e-5 if name == "mt5" else 2e-5, rtol=0)


@pytest.mark.parametrize("name", PROMPTED)
def test_prompts_of_different_lengths(name):
    """Padding on the left gets no weight, and each row is a distribution over the rest."""
    model = shared(name)
    _, kept, _ = _plainly(model, name)
    smallest = 1.0
    for layer in range(Taps(model).layers):
        for weights in kept["attention.weights", layer]:
            assert not weights[1, :, :2].any()  # the second prompt is two tokens shorter
            assert (weights >= 0).all()
            total = weights.sum(-1)
            if name == "gpt-oss":  # its sinks take a share
                assert (total < 1 + 1e-6).all()
                smallest = min(smallest, float(total.min()))
            else:
                torch.testing.assert_close(total, torch.ones_like(total))
    assert (smallest < 0.95) == (name == "gpt-oss")


def _plainly(model, name):
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        result = generate(model, sources(name, model))
    return taps, probe.kept, result


def test_a_sliding_window_is_shown_over_all_positions():
    model = shared("mistral")
    window = model.config.sliding_window
    _, kept, _ = _plainly(model, "mistral")
    assert kept["attention.weights", 0][-1].shape[-1] > window + 10
    for weights in kept["attention.weights", 0]:
        assert not weights[:, :, :-window].any()
        assert weights[0, :, -window:].all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("keys", [1, 7, 300])
def test_lean_weights(keys, groups, dtype):
    """The lean way is the eager one up to rounding: measured at most 2e-7 in single precision."""
    query = torch.randn(3, 5, 4, 8, dtype=dtype).transpose(1, 2)[:, :, -1:]
    key = torch.randn(3, keys, 4 // groups, 8, dtype=dtype).transpose(1, 2)
    mask = torch.where(torch.rand(3, 1, 1, keys) < 0.8, 0.0, torch.finfo(dtype).min).to(dtype)
    mask[..., 0] = 0
    for one in (mask, None):
        _, weights = plain_eager(torch.nn.Identity(), query, key, key, one, scaling=0.7)
        lean = row_weights(query, key, one, 0.7)
        assert lean.shape == (3, 4, keys)
        torch.testing.assert_close(
            lean, weights[:, :, 0], atol=1e-6 if dtype == torch.float32 else 2e-2, rtol=0
        )


def test_only_copies_of_the_known_functions_are_computed_the_lean_way():
    from transformers.models.gemma2 import modeling_gemma2
    from transformers.models.gpt_oss import modeling_gpt_oss
    from transformers.models.marian import modeling_marian
    from transformers.models.qwen3 import modeling_qwen3
    from transformers.models.t5 import modeling_t5

    assert is_known(modeling_marian.eager_attention_forward)
    assert is_known(modeling_qwen3.eager_attention_forward)
    for module in (modeling_gemma2, modeling_gpt_oss, modeling_t5):  # a cap, sinks, a bias
        assert not is_known(module.eager_attention_forward)
    assert not is_known(plain_eager)


def test_masks_of_every_kind_give_the_same_row():
    """Boolean, additive, of padding alone, and with a window, as the implementations take them."""
    query, key = torch.randn(2, 4, 3, 8), torch.randn(2, 4, 6, 8)
    padding = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    seen = padding.bool()[:, None, None].expand(2, 1, 3, 6)
    additive = torch.where(seen, 0.0, torch.finfo(torch.float32).min)
    module = torch.nn.Identity()
    _, expected = plain_eager(module, query, key, key, additive)

    def row(base, mask, keys=key, **arguments):
        watch = Watch(Keeping())
        return weights_of_last(module, plain_eager, base, query, keys, keys, mask, arguments, watch)

    for base, mask in (("sdpa", seen), ("eager", additive), ("flash_attention_2", padding)):
        torch.testing.assert_close(row(base, mask), expected[:, :, -1])
    assert not row("flash_attention_2", padding, sliding_window=2)[:, :, :-2].any()
    assert row("flash_attention_2", None, sliding_window=2)[:, :, -2:].all()
    static = torch.cat([key[:, :, :3], torch.full((2, 4, 5, 8), 9.0)], 2)  # not written yet behind the third
    _, causal = plain_eager(module, query, key[:, :, :3], key[:, :, :3], None)
    torch.testing.assert_close(row("sdpa", None, static, is_causal=True)[:, :, :3], causal[:, :, -1])
    assert not row("sdpa", None, static, is_causal=True)[:, :, 3:].any()
    watch = Watch(Keeping())  # one mask, two lengths of keys: a full layer and one with a window
    for keys in (key, key[:, :, 2:]):
        weights = weights_of_last(
            module, plain_eager, "flash_attention_2", query, keys, keys, padding, {}, watch
        )
        assert weights.shape[-1] == keys.shape[2]
