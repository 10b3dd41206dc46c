"""What a probe returns in the place of a value is what the run goes on with."""

import pytest
import torch
from taps_probes import ALL, Editing, Keeping, equal_runs, fresh, generate, shared, sources, traces

from s2sdap.models.huggingface.taps import TAPPED_SITES, Taps
from s2sdap.vocabulary.errors import S2sdapError

STEPS = 3


def run(model, inputs, *probes, **settings):
    taps = Taps(model)
    with taps.installed():
        if not probes:
            return generate(model, inputs, max_new_tokens=STEPS, **settings)
        with taps.watching(probes[0]):
            return generate(model, inputs, max_new_tokens=STEPS, **settings)


def difference(one, other):
    return max(float((a - b).abs().max()) for a, b in zip(one.logits, other.logits, strict=False))


@pytest.mark.parametrize("name", ALL)
def test_an_edit_that_changes_nothing(name):
    """States are put back as they were; contexts are computed again, which moves logits by rounding alone.

    Measured over all families: by at most 1.7e-5, of logits of up to 10.
    """
    model = shared(name)
    inputs = sources(name, model)
    plain = run(model, inputs)
    for site in Taps(model).sites:
        probe = Editing(site, torch.Tensor.clone)
        edited = run(model, inputs, probe)
        assert probe.calls
        if site == "attention.weights":
            assert difference(plain, edited) < 1e-4
        else:
            assert equal_runs(plain, edited), site


class AtStep(Editing):
    """Edits the last layer that comes to the site in one step alone, and row 0 of the batch."""

    def __init__(self, site, step, layers, change) -> None:
        super().__init__(site, change)
        self.step, self.layers, self.seen = step, layers, 0

    def part(self, site, layer, value):
        return self(site, value) if layer == self.layers - 1 or site != self.site else value

    def __call__(self, site, value):
        if site != self.site:
            return value
        self.seen += 1
        if self.seen - 1 != self.step:
            return value
        changed = value.clone()
        changed[0] = self.change(value[0])
        return changed


@pytest.mark.parametrize("name", ALL)
def test_an_edit_of_each_site_takes_effect(name):
    """In its own step and row, and in no earlier step and no other row."""
    model = shared(name)
    inputs = sources(name, model)
    plain, before = run(model, inputs), traces(model)
    taps = Taps(model)
    for site in taps.sites:
        encoder = site.startswith("encoder")
        layers = {"attention": taps.layers, "encoder": taps.encoder_layers}.get(
            site.partition(".")[0], taps.decoder_layers
        )
        change = (lambda v: v.roll(1, -1)) if site == "attention.weights" else (lambda v: -2 * v)
        if site == "attention.weights" and not taps.has_encoder:
            change = lambda v: torch.zeros_like(v).index_fill_(-1, torch.tensor([v.shape[-1] - 2]), 1.0)  # noqa: E731
        step = 0 if encoder else 1
        edited = run(model, inputs, AtStep(site, step, layers, change))
        assert edited.logits[0].equal(plain.logits[0]) or step == 0
        assert (edited.logits[step][0] - plain.logits[step][0]).abs().max() > 1e-3, site
        torch.testing.assert_close(edited.logits[step][1], plain.logits[step][1], atol=1e-4, rtol=0)
    assert traces(model) == before
    assert equal_runs(plain, run(model, inputs))


class OneHot(Keeping):
    """Sets all weights of each row on one position, counted from the end."""

    def __init__(self, back) -> None:
        super().__init__()
        self.back = back

    def part(self, site, layer, value):
        if site == "attention.weights":
            value = torch.zeros_like(value)
            value[..., -self.back] = 1
        return super().part(site, layer, value)


@pytest.mark.parametrize(
    ("name", "eager"), [*((name, False) for name in ALL), ("marian", True), ("llama", True)]
)
def test_all_weight_on_one_position_gives_its_value(name, eager):
    model = fresh(name) if eager else shared(name)
    if eager:
        model.set_attn_implementation("eager")
    probe = OneHot(back=2)
    result = run(model, sources(name, model), probe)
    taps = Taps(model)
    cache = result.past_key_values
    cache = cache.cross_attention_cache if taps.has_encoder else cache
    for layer, of_decoder in enumerate(taps.attention_layers):
        values = cache.layers[of_decoder].values[:, :, -2]
        contexts = probe.kept["attention.contexts", layer][-1]
        assert contexts.equal(values.repeat_interleave(contexts.shape[1] // values.shape[1], 1))


def test_edits_of_a_prompt_touch_its_last_position_alone():
    model = shared("llama")
    inputs = sources("llama", model, 1)
    taps = Taps(model)
    with torch.no_grad():
        plain = model(**inputs).logits
        for site in taps.sites:
            with taps.installed(), taps.watching(Editing(site, lambda value: value * 0.5)):
                edited = model(**inputs).logits
            assert edited[:, :-1].equal(plain[:, :-1])
            assert not edited[:, -1].equal(plain[:, -1])


def test_projected_encoder_states():
    """Cross-attention reads the edited states themselves, in every step, and not a projection of them."""
    model = shared("vision-encoder-decoder")
    inputs = sources("vision-encoder-decoder", model)
    taps, states = Taps(model), []
    width = model.config.decoder.hidden_size
    replaced = torch.randn(2, 10, width)

    def read(module, args, kwargs):
        states.append(kwargs["encoder_hidden_states"])

    hook = model.decoder.register_forward_pre_hook(read, with_kwargs=True)
    run(model, inputs, Editing("encoder.states", lambda _: replaced), num_beams=2)
    hook.remove()
    assert len(states) == STEPS
    assert all(one.equal(replaced.repeat_interleave(2, 0)) for one in states)
    assert taps.sites == TAPPED_SITES


def test_a_position_that_the_window_has_lost():
    model = shared("mistral")
    inputs = sources("mistral", model)

    def back_to_the_first(value):
        return torch.zeros_like(value).index_fill_(-1, torch.tensor([0]), 1.0)

    with pytest.raises(S2sdapError, match="keeps only the last 6 of 10"):
        run(model, inputs, AtStep("attention.weights", 1, 3, back_to_the_first))
    assert equal_runs(run(model, inputs), run(model, inputs))


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_an_edit_beside_a_static_cache(name):
    """The cache has room behind the last position, which an edited row knows nothing of."""
    model = shared(name)
    inputs = sources(name, model)
    static = {"cache_implementation": "static", "disable_compile": True}
    dynamic = run(model, inputs, OneHot(back=1))
    edited = run(model, inputs, OneHot(back=1), **static)
    assert edited.sequences.equal(dynamic.sequences)
    assert difference(dynamic, edited) < 1e-4
    assert difference(run(model, inputs), edited) > 1e-2


def test_returned_weights_are_the_edited_ones():
    model = fresh("marian")
    model.set_attn_implementation("eager")
    result = run(model, sources("marian", model), OneHot(back=3), output_attentions=True)
    for of_layers in result.cross_attentions:
        for weights in of_layers:
            assert weights[:, :, -1, -3].eq(1).all()
            assert weights[:, :, -1].sum(-1).eq(1).all()
