"""What cannot be stepped or is not there: said before anything runs, with the reason."""

import pytest
import torch
import transformers as hf
from generating import Run, face_of, inputs, model_of, plain, plan_of, run

from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.generation.planner import generate_planner
from s2sdap.decoding.generation.settings import GenerationSettings, generation_settings
from s2sdap.decoding.planning import planner_for, settings_for
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError


def refused(kind, call):
    with pytest.raises(S2sdapError) as error:
        call()
    assert error.value.kind.name == kind
    return str(error.value)


def begun(name, **settings):
    plan = plan_of(name, **settings)
    with plan.installed():
        return plan.begin()


UNSTEPPABLE = {
    "assistant": ({"assistant_model": object()}, "assistant_model"),
    "lookup": ({"prompt_lookup_num_tokens": 2}, "prompt_lookup_num_tokens"),
    "own loop": ({"custom_generate": lambda *_: None}, "custom_generate"),
    "negative": ({"negative_prompt_ids": torch.tensor([[1]])}, "negative_prompt_ids"),
}


@pytest.mark.parametrize("case", UNSTEPPABLE)
def test_what_drafts_or_brings_a_loop(case):
    settings, name = UNSTEPPABLE[case]
    assert f"`{name}`" in refused("cannot_step", lambda: plan_of("llama", **settings))


def test_an_assistant_in_its_place():
    # generate(inputs, generation_config, ..., assistant_model) by position
    arguments = (inputs("llama")["input_ids"], None, None, None, None, None, model_of("llama"))
    message = refused("cannot_step", lambda: GeneratePlan.of_call(face_of("llama"), arguments, {}))
    assert "assistant_model" in message


def test_settings_in_their_place():
    config = hf.GenerationConfig(num_beams=2, max_new_tokens=4, pad_token_id=0, eos_token_id=1)
    given = inputs("llama")
    plan = GeneratePlan.of_call(face_of("llama"), (given["input_ids"], config), {})
    expected = model_of("llama").generate(given["input_ids"], config)
    assert torch.equal(Run(plan).returned, expected)
    shown = {each.name: each for each in plan.settings_shown()}
    assert shown["num_beams"].value == 2
    assert shown["num_beams"].origin == "generation_config of the call"


@pytest.mark.parametrize("settings", [{"guidance_scale": 2.0}, {"max_time": 5.0}])
def test_what_a_step_cannot_keep(settings):
    [name] = settings
    message = refused("cannot_step", lambda: begun("llama", **settings))
    assert f"`{name}`" in message


def test_drafts_that_the_configuration_asks_for():
    config = hf.GenerationConfig(prompt_lookup_num_tokens=2, pad_token_id=0, eos_token_id=1)
    refused("cannot_step", lambda: begun("llama", generation_config=config))


def test_a_watermark_that_remembers():
    config = hf.SynthIDTextWatermarkingConfig(ngram_len=2, keys=[3, 5])
    refused("cannot_step", lambda: begun("llama", watermarking_config=config, do_sample=True))


def test_a_watermark_that_does_not():
    settings = {"watermarking_config": {"bias": 4.0}, "max_new_tokens": 6}
    done = run("llama", **settings)
    assert torch.equal(done.returned, plain("llama", **settings).sequences)
    assert torch.equal(Run(done.plan).returned, done.returned)


def test_a_model_whose_layers_keep_their_states():
    config = hf.RecurrentGemmaConfig(
        vocab_size=99,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=24,
        lru_width=16,
        attention_window_size=6,
    )
    model = hf.RecurrentGemmaForCausalLM(config).eval()
    plan = GeneratePlan.of_call(type(face_of("llama")).around(model), (), inputs("llama"))
    assert "cannot go back" in refused("cannot_step", plan.begin)


def test_nothing_is_left_behind_by_a_refusal():
    before = {name: vars(hf.GenerationMixin)[name] for name in ("_sample", "_beam_search", "generate")}
    refused("cannot_step", lambda: begun("llama", max_time=5.0))
    with pytest.raises(ValueError, match="max_new_tokens"):
        begun("llama", max_new_tokens=-3)
    assert {name: vars(hf.GenerationMixin)[name] for name in before} == before


# ---- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "near"), [("num_beam", "num_beams"), ("temprature", "temperature")])
def test_an_unknown_setting_and_the_nearest(wrong, near):
    settings = GenerationSettings(given={wrong: 1})
    message = refused("unknown_setting", lambda: generate_planner(face_of("bart"), settings))
    assert f"generation.{wrong}" in message
    assert f"did you mean `{near}`" in message


def test_an_unknown_setting_like_none():
    message = refused(
        "unknown_setting", lambda: generate_planner(face_of("bart"), GenerationSettings(given={"qqqq": 1}))
    )
    assert "did you mean" not in message


def launch(name, **settings):
    """The plan of a launch over this family's inputs, under these settings."""
    face = face_of(name)
    arguments = {**inputs(name), **settings}
    return GeneratePlan(face, face.sources_of(arguments), arguments, given=settings, seed=0)


REFUSED_BY_GENERATE = {"num_beams": 2, "num_return_sequences": 3}


def test_what_generate_refuses():
    message = refused("generate_refused", lambda: launch("bart", **REFUSED_BY_GENERATE).begin())
    assert "num_return_sequences" in message
    assert "\n" not in message
    # Somebody's own call sees what it would see without a debugger.
    with pytest.raises(ValueError, match="num_return_sequences") as plainly:
        plain("bart", **REFUSED_BY_GENERATE)
    with pytest.raises(ValueError, match="num_return_sequences") as stepped:
        begun("bart", **REFUSED_BY_GENERATE)
    assert str(stepped.value) == str(plainly.value)


def test_an_argument_that_the_model_does_not_have():
    with pytest.raises(ValueError, match="not_there"):
        begun("bart", not_there=3)
    assert "not_there" in refused("generate_refused", lambda: launch("bart", not_there=3).begin())


def test_our_words_for_the_same():
    made = generation_settings({"beam_size": 3, "seed": 5, "prefix": "a"}, {"top_k": 4}, "m")
    assert made.given == {"num_beams": 3, "top_k": 4}
    assert (made.seed, made.prefix) == (5, "a")
    assert generation_settings({"beam_size": 3}, {"num_beams": 3}, "m").given == {"num_beams": 3}
    message = refused("settings_clash", lambda: generation_settings({"beam_size": 3}, {"num_beams": 4}, "m"))
    assert "search.beam_size" in message
    assert "generation.num_beams" in message


def test_a_setting_that_generate_has_nothing_like():
    message = refused("other_search", lambda: generation_settings({"coverage_penalty": 0.2}, {}, "tiny"))
    assert "search.coverage_penalty" in message
    assert "tiny" in message


def test_every_setting_of_our_search_is_told_apart():
    unlike = {"coverage_penalty", "length_penalty"}
    for name in SearchSettings.__struct_fields__:
        if name in unlike:
            refused("other_search", lambda name=name: generation_settings({name: 1}, {}, "m"))
        else:
            assert generation_settings({name: 1}, {}, "m")


def test_which_plan_a_model_asks_for():
    own = load_model(DEFAULT_MODEL)
    refused("other_search", lambda: settings_for(own, {}, {"num_beams": 2}))
    refused("other_search", lambda: planner_for(own, GenerationSettings()))
    assert settings_for(own, {"beam_size": 2}, {}) == SearchSettings(beam_size=2)
    made = settings_for(face_of("bart"), {"beam_size": 2}, {"top_k": 3})
    assert made == GenerationSettings(given={"num_beams": 2, "top_k": 3})


def test_where_settings_come_from():
    shown = {each.name: each for each in plan_of("marian", num_beams=3).settings_shown()}
    assert (shown["num_beams"].value, shown["num_beams"].origin) == (3, "call")
    assert shown["bad_words_ids"].origin == "generation_config.json"
    assert shown["max_new_tokens"].origin == "generation_config.json"
    assert "top_k" not in shown or shown["top_k"].origin == "transformers"
