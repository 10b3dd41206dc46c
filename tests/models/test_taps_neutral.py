"""Watching changes nothing: the same tokens and logits to the bit, and a model without a trace afterwards."""

import copy
import inspect
import threading

import pytest
import torch
from taps_probes import (
    ALL,
    Keeping,
    equal_runs,
    fresh,
    generate,
    layers_of,
    parameters_of,
    shared,
    sources,
    traces,
)
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from s2sdap.models.huggingface.taps import TAPPED_SITES, SiteProbe, Taps


@pytest.mark.parametrize(("beams", "lazily"), [(1, False), (2, True)])
@pytest.mark.parametrize("name", ALL)
def test_watching_is_bit_identical(name, beams, lazily):
    model = shared(name)
    inputs, settings = sources(name, model), {"num_beams": beams, "max_new_tokens": 7}
    plain = generate(model, inputs, **settings)
    before = traces(model)
    taps, probe = Taps(model), Keeping(lazily)
    assert isinstance(probe, SiteProbe)
    with taps.installed(), taps.watching(probe):
        watched = generate(model, inputs, **settings)
    assert equal_runs(plain, watched)
    assert traces(model) == before
    _check_what_was_shown(taps, probe, rows=2 * beams, steps=len(watched.logits))


def _check_what_was_shown(taps, probe, rows, steps):
    shown = {key if isinstance(key, str) else key[0] for key in probe.kept}
    assert shown == set(taps.sites)
    assert set(taps.sites) | set(taps.missing) == set(TAPPED_SITES)
    assert list(taps.sites) == [site for site in TAPPED_SITES if site in taps.sites]
    assert layers_of(probe.kept, "attention.weights") == list(range(taps.layers))
    assert layers_of(probe.kept, "decoder.layers") == list(range(taps.decoder_layers))
    assert layers_of(probe.kept, "encoder.layers") == list(range(taps.encoder_layers))
    for key, values in probe.kept.items():
        site = key if isinstance(key, str) else key[0]
        encoder = site.startswith("encoder")
        assert len(values) == (1 if encoder else steps)
        for value, copied in zip(values, probe.copies[key], strict=True):
            assert value.equal(copied)  # nothing wrote into it afterwards
            assert value.is_contiguous()
            assert value.untyped_storage().nbytes() == value.nbytes  # it keeps nothing else alive
            assert len(value) == (2 if encoder else rows)
            if site.startswith("attention"):
                assert value.shape[1] == taps.heads
    source = probe.kept["encoder.states"][0].shape[1] if taps.has_encoder else None
    for layer in range(taps.layers):
        lengths = [value.shape[2] for value in probe.kept["attention.weights", layer]]
        first = lengths[0] if source is None else source
        assert lengths == [first + (step if source is None else 0) for step in range(steps)]
    for layer in range(taps.encoder_layers):
        assert probe.kept["encoder.layers", layer][0].shape[1] == source


@pytest.mark.parametrize("name", ["marian", "led", "gemma3", "gpt2", "trocr"])
def test_eager_base_is_bit_identical_too(name):
    model = fresh(name)
    model.set_attn_implementation("eager")
    inputs = sources(name, model)
    plain = generate(model, inputs, output_attentions=True)
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        watched = generate(model, inputs, output_attentions=True)
    assert equal_runs(plain, watched)


@pytest.mark.parametrize(
    "settings", [{"use_cache": False}, {"cache_implementation": "static", "disable_compile": True}]
)
@pytest.mark.parametrize("name", ["marian", "t5", "whisper", "llama", "mistral", "gemma3", "gpt-oss"])
def test_other_caches(name, settings):
    model = shared(name)
    inputs = sources(name, model)
    plain = generate(model, inputs, **settings)
    taps, probe, dynamic = Taps(model), Keeping(), Keeping()
    with taps.installed(), taps.watching(probe):
        watched = generate(model, inputs, **settings)
    assert equal_runs(plain, watched)
    with taps.installed(), taps.watching(dynamic):
        generate(model, inputs)
    for layer in range(taps.layers):  # whatever the cache keeps, the same positions are shown
        for value, other in zip(
            probe.kept["attention.weights", layer], dynamic.kept["attention.weights", layer], strict=True
        ):
            torch.testing.assert_close(value, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["marian", "prophetnet", "gpt2"])
def test_no_random_number_is_used(name):
    model = fresh(name)
    model.train()
    for module in model.modules():
        for rate in ("dropout", "attention_dropout"):
            if isinstance(getattr(module, rate, None), float):
                setattr(module, rate, 0.3)
    inputs = sources(name, model)
    torch.manual_seed(5)
    plain = generate(model, inputs, do_sample=True)
    taps = Taps(model)
    torch.manual_seed(5)
    with taps.installed(), taps.watching(Keeping()):
        watched = generate(model, inputs, do_sample=True)
    assert equal_runs(plain, watched)


@pytest.mark.parametrize("name", ["marian", "led", "llama", "vision-encoder-decoder"])
def test_no_trace_is_left(name):
    model = fresh(name)
    before, weights = traces(model), parameters_of(model)
    signature = inspect.signature(model.forward)
    taps = Taps(model)
    assert traces(model) == before
    with taps.installed():
        assert traces(model) != before
        if model.config.is_encoder_decoder:  # generate asks which arguments the encoder takes
            assert inspect.signature(model.get_encoder().forward) == inspect.signature(
                type(model.get_encoder()).forward
            ).replace(
                parameters=[
                    p
                    for p in inspect.signature(type(model.get_encoder()).forward).parameters.values()
                    if p.name != "self"
                ]
            )
        with taps.installed():
            generate(model, sources(name, model))
        assert traces(model) != before
    assert traces(model) == before
    assert inspect.signature(model.forward) == signature
    assert all(value.equal(weights[key]) for key, value in model.state_dict().items())


class Failing(Keeping):
    """Fails when it is shown the site."""

    def __init__(self, site, lazily) -> None:
        super().__init__(lazily)
        self.site = site

    def _keep(self, key, value):
        if self.site in (key, key[0]):
            raise RuntimeError(f"no {self.site} today")
        return super()._keep(key, value)


@pytest.mark.parametrize("lazily", [False, True], ids=["at-once", "later"])
@pytest.mark.parametrize("name", ["marian", "trocr", "mistral"])
def test_a_probe_that_fails(name, lazily):
    model = shared(name)
    inputs = sources(name, model)
    plain, before = generate(model, inputs, max_new_tokens=3), traces(model)
    taps = Taps(model)
    for site in taps.sites:
        with (
            pytest.raises(RuntimeError, match=f"no {site} today"),
            taps.installed(),
            taps.watching(Failing(site, lazily)),
        ):
            generate(model, inputs)
        assert traces(model) == before
        probe = Keeping(lazily)
        with taps.installed(), taps.watching(probe):  # nothing of the failed pass is left
            assert equal_runs(plain, generate(model, inputs, max_new_tokens=3))
        assert len(probe.kept["decoder.state"]) == len(plain.logits)


@pytest.mark.parametrize("name", ["marian", "led"])
def test_two_taps_of_one_model_leave_in_any_order(name):
    model = fresh(name)
    inputs = sources(name, model)
    plain, before = generate(model, inputs), traces(model)
    one, other = Taps(model), Taps(model)
    first, second = one.installed(), other.installed()
    seen, also_seen = Keeping(), Keeping()
    first.__enter__()
    second.__enter__()
    with one.watching(seen), other.watching(also_seen):
        assert equal_runs(plain, generate(model, inputs))
    first.__exit__(None, None, None)
    alone = Keeping()
    with one.watching(Keeping()) as nothing, other.watching(alone):
        assert equal_runs(plain, generate(model, inputs))
    second.__exit__(None, None, None)
    assert nothing is None
    assert traces(model) == before
    assert seen.kept.keys() == also_seen.kept.keys() == alone.kept.keys()
    for key, values in seen.kept.items():
        for a, b, c in zip(values, also_seen.kept[key], alone.kept[key], strict=True):
            assert a.equal(b)
            assert a.equal(c)


def test_two_models_at_once():
    models = [shared("marian"), shared("llama")]
    inputs = [sources(name, model) for name, model in zip(["marian", "llama"], models, strict=True)]
    plain = [generate(m, i) for m, i in zip(models, inputs, strict=True)]
    one, other = (Taps(model) for model in models)
    seen, also_seen = Keeping(), Keeping()
    with one.installed(), other.installed(), one.watching(seen), other.watching(also_seen):
        watched = [generate(m, i) for m, i in zip(models, inputs, strict=True)]
    assert all(map(equal_runs, plain, watched))
    assert {key for key in seen.kept if isinstance(key, str)} == {
        "encoder.states",
        "decoder.state",
        "prediction.features",
    }
    assert {key for key in also_seen.kept if isinstance(key, str)} == {"decoder.state", "prediction.features"}


@pytest.mark.parametrize("name", ["marian", "trocr"])
def test_only_the_thread_that_watches_is_watched(name):
    model = shared(name)
    taps = Taps(model)
    inputs = {batch: sources(name, model, batch) for batch in (1, 2, 3)}
    plain = {batch: generate(model, inputs[batch]) for batch in inputs}
    results, probes = {}, {1: Keeping(), 2: Keeping()}

    def run(batch):
        with taps.installed():
            if batch in probes:
                with taps.watching(probes[batch]):
                    results[batch] = generate(model, inputs[batch])
            else:
                results[batch] = generate(model, inputs[batch])

    before = traces(model)
    threads = [threading.Thread(target=run, args=(batch,)) for batch in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traces(model) == before
    for batch in inputs:
        assert equal_runs(plain[batch], results[batch])
    for batch, probe in probes.items():
        assert len(probe.kept["decoder.state"]) == len(results[batch].logits)
        assert {len(value) for values in probe.kept.values() for value in values} == {batch}


def test_a_copy_made_meanwhile_runs_alone():
    model = fresh("marian")
    inputs = sources("marian", model)
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        copied = copy.deepcopy(model)
        plain = generate(copied, inputs)
    assert not probe.kept
    assert equal_runs(plain, generate(model, inputs))
    with torch.no_grad():
        for parameter in copied.model.decoder.parameters():
            parameter.add_(0.5)
    assert not equal_runs(plain, generate(copied, inputs))
    assert equal_runs(plain, generate(model, inputs))


def test_an_implementation_of_the_users_own():
    names = []

    def own_attention(module, *args, **kwargs):
        names.append(module.config._attn_implementation)
        return sdpa_attention_forward(module, *args, **kwargs)

    AttentionInterface.register("own_attention", own_attention)
    AttentionMaskInterface.register("own_attention", sdpa_mask)
    model = fresh("llama")
    inputs = sources("llama", model)
    plain = generate(model, inputs)
    model.set_attn_implementation("own_attention")
    taps, probe = Taps(model), Keeping()
    with taps.installed(), taps.watching(probe):
        watched = generate(model, inputs)
        shown = model.model.layers[0].self_attn.config
        assert copy.deepcopy(shown) is not shown
        assert type(copy.deepcopy(shown)) is type(model.config)
    assert equal_runs(plain, watched)
    assert names
    assert all(name == "own_attention" and name != "sdpa" for name in names)
    assert len(probe.kept["attention.weights", 2]) == len(watched.logits)


def test_compiled_models_are_watched_uncompiled():
    model = fresh("gpt2")
    inputs = sources("gpt2", model, 1)
    plain = generate(model, inputs, max_new_tokens=3)
    model.transformer.h[1].compile(backend="eager")
    taps, probe = Taps(model), Keeping()
    assert taps.compiled
    with taps.installed(), taps.watching(probe):
        watched = generate(model, inputs, max_new_tokens=3)
    assert equal_runs(plain, watched)
    assert len(probe.kept["attention.weights", 1]) == 3
    assert not Taps(shared("gpt2")).compiled
    assert Taps(torch.compile(shared("llama"), backend="eager")).layers == 3


def test_what_a_model_lacks_is_told():
    assert Taps(shared("llama")).missing == {
        "encoder.states": "the model has no encoder",
        "encoder.layers": "the model has no encoder",
    }
    assert Taps(shared("marian")).missing == {}
    hybrid = Taps(shared("qwen3-next"))
    assert hybrid.attention_layers == (1, 3)
    assert (hybrid.layers, hybrid.decoder_layers) == (2, 4)
    flexible = fresh("llama")
    flexible.config._attn_implementation_internal = "flex_attention"
    assert set(Taps(flexible).missing) >= {"attention.weights", "attention.contexts"}
    assert "flex_attention" in Taps(flexible).missing["attention.weights"]
    assert {name for name in ALL if Taps(shared(name)).fallback} == {
        "led",
        "trocr",
        "prophetnet",
        "fsmt",
        "bloom",
    }
