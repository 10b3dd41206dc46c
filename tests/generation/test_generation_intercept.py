"""Taking the prepared state out of `generate`: of this call alone, and without a trace."""

import threading

import pytest
import torch
import transformers as hf
from generating import Run, face_of, inputs, model_of, plain, plan_of

from s2sdap.decoding.generation.intercept import BEAM_SEARCH, SAMPLE, prepare
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.vocabulary.errors import S2sdapError

METHODS = ("_sample", "_beam_search", "_assisted_decoding", "generate")


@pytest.fixture(autouse=True)
def _untouched():
    before = {name: vars(hf.GenerationMixin)[name] for name in METHODS}
    yield
    assert {name: vars(hf.GenerationMixin)[name] for name in METHODS} == before


def prepared(name, **settings):
    model = model_of(name)
    return prepare(model, lambda: model.generate(**inputs(name), **settings))


def test_what_is_prepared():
    greedy = prepared("bart")
    assert greedy.method == SAMPLE
    assert greedy.ids.tolist() == [[2]]
    assert greedy.cache_name == "past_key_values"
    assert greedy.cache.get_seq_length() == 0
    assert "past_key_values" not in greedy.kwargs
    assert greedy.kwargs["encoder_outputs"].last_hidden_state.shape == (1, 9, 16)
    beams = prepared("bart", num_beams=3, use_cache=False)
    assert (beams.method, beams.ids.shape, beams.cache) == (BEAM_SEARCH, (3, 1), None)


def test_two_threads_with_two_models():
    names = ("bart", "t5")
    expected = {name: plain(name, num_beams=2).sequences for name in names}
    plain_too = plain("llama").sequences
    wrong = []
    together = threading.Barrier(3)

    def stepping(name):
        try:
            for _ in range(4):
                together.wait(100)
                if not torch.equal(Run(plan_of(name, num_beams=2)).returned, expected[name]):
                    wrong.append(name)
        except Exception as error:
            wrong.append(error)

    def plainly():
        try:
            for _ in range(4):
                together.wait(100)
                with torch.no_grad():
                    if not torch.equal(model_of("llama").generate(**inputs("llama")), plain_too):
                        wrong.append("plain")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=stepping, args=(name,)) for name in names]
    threads.append(threading.Thread(target=plainly))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert wrong == []


def test_another_model_within_is_run_plainly():
    # As a model that asks another one on the way.
    seen = []

    def call():
        seen.append(model_of("llama").generate(**inputs("llama"), max_new_tokens=3))
        return model_of("bart").generate(**inputs("bart"))

    assert prepare(model_of("bart"), call).ids.tolist() == [[2]]
    assert torch.equal(seen[0], plain("llama", max_new_tokens=3).sequences)


def test_one_within_another():
    inner = []

    def call():
        inner.append(prepared("t5", num_beams=2))
        return model_of("bart").generate(**inputs("bart"))

    assert prepare(model_of("bart"), call).method == SAMPLE
    assert inner[0].method == BEAM_SEARCH


def test_an_exception_within():
    class OwnError(Exception):
        pass

    class Failing(hf.LogitsProcessor):
        def __call__(self, input_ids, scores):
            raise AssertionError("never run")

    def call():
        raise OwnError

    with pytest.raises(OwnError):
        prepare(model_of("bart"), call)
    with pytest.raises(ValueError, match="num_return_sequences"):
        prepared("bart", num_return_sequences=3, num_beams=2)
    assert len(prepared("bart", logits_processor=[Failing()]).processors) >= 1


def test_a_call_that_never_comes_to_the_loop():
    with pytest.raises(S2sdapError, match="does not come to the loop"):
        prepare(model_of("bart"), lambda: None)


def test_a_failure_in_the_encoder():
    broken = RuntimeError("the encoder failed")

    def fail(*_):
        raise broken

    hook = model_of("bart").get_encoder().register_forward_pre_hook(fail)
    try:
        plan = plan_of("bart")
        with plan.installed(), pytest.raises(RuntimeError, match="the encoder failed"):
            plan.begin()
    finally:
        hook.remove()
    assert torch.equal(Run(plan).returned, plain("bart").sequences)


# ---- a model with a `generate` of its own ------------------------------------------------------


def whisper_launched(**settings):
    face = face_of("whisper")
    arguments = {**inputs("whisper"), **settings}
    return GeneratePlan(face, face.sources_of(arguments), arguments, given=settings, seed=0)


@pytest.mark.parametrize("settings", [{}, {"num_beams": 2}, {"no_repeat_ngram_size": 2}])
def test_whisper_by_its_own_generate(settings):
    model = model_of("whisper")
    given = {"max_new_tokens": 8, **settings}
    done = Run(whisper_launched(**given))
    start = done.records[0].before.live[0]
    assert start.tokens == ()
    model = model_of("whisper")
    expected = model.generate(**inputs("whisper"), **given)[0].tolist()
    tokens = list(done.best[0].tokens)
    end = len(tokens) - (tokens[-1] == 1)
    # Its own `generate` cuts off the tokens that it starts from, and the end.
    assert [token for token in expected if token not in (0, 1)][-end:] == tokens[:end]


def test_whisper_that_tells_the_language_first():
    model = model_of("whisper")
    config = model.generation_config
    before = config.to_dict()
    told = {
        "is_multilingual": True,
        "lang_to_id": {"<|a|>": 60, "<|b|>": 61},
        "task_to_id": {"transcribe": 70},
    }
    try:
        for name, value in told.items():
            setattr(config, name, value)
        done = Run(whisper_launched(max_new_tokens=6, task="transcribe"))
        expected = model.generate(**inputs("whisper"), max_new_tokens=6, task="transcribe")[0].tolist()
    finally:
        for name in told:
            setattr(config, name, before.get(name))
    # The encoder's record holds the source and nothing of the look at the language.
    assert set(done.encoder.sites) == {"encoder.states", "encoder.layers"}
    assert len(done.encoder.after.state.ids[0]) > 1
    tokens = [token for token in done.best[0].tokens if token > 1]
    assert [token for token in expected if token > 1][-len(tokens) :] == tokens
