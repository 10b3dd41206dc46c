"""A step is a pure function of its snapshot: it leaves the same bits whenever it runs."""

import copy
import random

import pytest
import torch
import transformers as hf
from generating import Run, face_of, inputs, model_of, plain, plan_of, run, training
from left_behind import assert_same_content, record_content, snapshot_content, storages
from transformers import DynamicCache, EncoderDecoderCache

from parity.comparing import ALL, differences
from parity.families_weights import finished
from s2sdap.decoding.edits import SiteEdit
from s2sdap.decoding.generation import lean as lean_sites
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.models.huggingface.loading import quiet
from s2sdap.vocabulary import sites

SEARCHES = {
    "greedy": ("marian", {}),
    "sampling": ("gpt2", {"do_sample": True, "top_p": 0.9, "num_return_sequences": 2}),
    "beams": ("t5", {"num_beams": 3, "no_repeat_ngram_size": 2}),
    "beam sampling": ("llama", {"num_beams": 2, "do_sample": True}),
    "sliding window": ("gemma3", {"num_beams": 2}),
    "no cache": ("bart", {"num_beams": 2, "use_cache": False}),
    "static cache": ("llama", {"cache_implementation": "static"}),
    "static cache, beams": ("gemma2", {"cache_implementation": "static", "num_beams": 2}),
    "static cache with an encoder": ("bart", {"cache_implementation": "static", "num_beams": 2}),
    "states written in place": ("qwen3-next", {"num_beams": 2}),
    "attention seen from inside": ("prophetnet", {"num_beams": 2}),
    "outputs asked for": ("bart", {**ALL, "output_attentions": True, "output_hidden_states": True}),
}


def in_any_order(done, rounds=10):
    """Steps again from random snapshots, next to the very records; old snapshots stay what they were."""
    dice = random.Random(5)
    snapshots = [done.encoder.after, *(record.after for record in done.records)]
    before = [snapshot_content(snapshot) for snapshot in snapshots]
    records = [record_content(record) for record in done.records]
    with done.plan.installed():
        for _ in range(rounds):
            at = dice.randrange(len(done.records))
            again = done.plan.step(done.encoder, snapshots[at])
            assert_same_content(record_content(again), records[at])
    for snapshot, content in zip(snapshots, before, strict=True):
        assert_same_content(snapshot_content(snapshot), content)


@pytest.mark.parametrize("case", SEARCHES)
def test_any_step_again(case):
    name, settings = SEARCHES[case]
    in_any_order(run(name, 2, max_new_tokens=7, **settings))


@pytest.mark.parametrize("settings", [{}, {"do_sample": True}, {"num_beams": 2}])
def test_dropout(settings):
    with training(model_of("bart")):
        state = torch.get_rng_state()
        done = run("bart", max_new_tokens=6, **settings)
        in_any_order(done)
        # Read again, the source meets the same dropout.
        other = Run(done.plan)
        assert_same_content(snapshot_content(other.tip), snapshot_content(done.tip))
        # The process' own random numbers are nobody's business but its own.
        torch.set_rng_state(state)
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        Run(plan_of("bart", max_new_tokens=3, **settings))
        assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("settings", [{}, {"do_sample": True}, {"num_beams": 2, "do_sample": True}])
def test_dropout_is_that_of_generate(settings):
    with training(model_of("bart")):
        expected = plain("bart", max_new_tokens=6, **settings)
        assert torch.equal(run("bart", max_new_tokens=6, **settings).returned, expected.sequences)


def test_a_seed_is_that_of_the_whole_call():
    # As a launch has it: the encoder draws first, the steps go on from there.
    with training(model_of("bart")):
        arguments = {**inputs("bart"), "do_sample": True, "max_new_tokens": 6}
        face = face_of("bart")
        plan = GeneratePlan(face, face.sources_of(arguments), arguments, given={}, seed=7)
        expected = plain("bart", do_sample=True, max_new_tokens=6)
        assert torch.equal(Run(plan).returned, expected.sequences)


def prefilled(name, **config):
    """A cache over the beginning of the prompt, and the whole prompt."""
    model, given = model_of(name), inputs(name)
    cache = DynamicCache(**config)
    begun = given["input_ids"][:, :5]
    with torch.no_grad():
        model(begun, past_key_values=cache, use_cache=True)
    return cache


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("llama", "lazy"),
        ("llama", "configured"),
        ("llama", "prefilled"),
        ("llama", "prefilled by layers"),
        ("gemma3", "configured"),
        ("gemma3", "prefilled"),
    ],
)
def test_a_cache_of_the_caller(name, kind):
    config = {"config": model_of(name).config}
    caches = {
        "lazy": DynamicCache,
        "configured": lambda: DynamicCache(**config),
        "prefilled": lambda: prefilled(name, **config),
        "prefilled by layers": lambda: prefilled(name),
    }
    theirs, ours = (caches[kind]() for _ in range(2))
    expected = plain(name, max_new_tokens=6, past_key_values=theirs)
    done = run(name, max_new_tokens=6, past_key_values=ours, return_dict_in_generate=True)
    in_any_order(done)
    returned = done.returned
    assert torch.equal(returned.sequences, expected.sequences)
    # It is the caller's own cache that has grown, as he may go on with it.
    assert returned.past_key_values is ours
    assert ours.get_seq_length() == theirs.get_seq_length()
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        assert torch.equal(mine.keys, other.keys)
        assert torch.equal(mine.values, other.values)


def test_a_pair_of_caches_of_the_caller():
    theirs, ours = (EncoderDecoderCache(DynamicCache(), DynamicCache()) for _ in range(2))
    expected = plain("bart", max_new_tokens=6, num_beams=2, past_key_values=theirs)
    done = run("bart", max_new_tokens=6, num_beams=2, past_key_values=ours)
    in_any_order(done)
    assert torch.equal(done.returned, expected.sequences)
    assert ours.get_seq_length() == theirs.get_seq_length()


def test_a_cache_in_chunks():
    settings = {"max_new_tokens": 6, "prefill_chunk_size": 4}
    done = run("llama", **settings)
    in_any_order(done)
    assert torch.equal(done.returned, plain("llama", **settings).sequences)


def of_its_own(name):
    """Models that keep something else than transformers' caches, or more than those."""
    common = {"vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2, "pad_token_id": 0}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 24}
    if name == "mamba":
        return hf.MambaForCausalLM(hf.MambaConfig(**common, state_size=4))
    if name == "rwkv":
        return hf.RwkvForCausalLM(hf.RwkvConfig(**common, attention_hidden_size=16))
    if name == "xlnet":
        return hf.XLNetLMHeadModel(hf.XLNetConfig(vocab_size=99, d_model=16, n_layer=2, n_head=4, d_inner=24))
    return hf.MiniMaxForCausalLM(
        hf.MiniMaxConfig(**common, **heads, num_local_experts=2, block_size=4, head_dim=4)
    )


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mamba", {}),
        ("mamba", {"num_beams": 2}),
        ("rwkv", {}),
        ("xlnet", {"num_beams": 2}),
        ("minimax", {"num_beams": 2}),
    ],
)
def test_a_model_with_a_state_of_its_own_kind(name, settings):
    with quiet():
        torch.manual_seed(1)
        model = finished(of_its_own(name))
        given = {"input_ids": torch.tensor([[20, 30, 40, 50, 60, 70, 80]])}
        assert differences(model, given, {**settings, "max_new_tokens": 9}) == []


def test_what_was_let_go_comes_back(monkeypatch):
    kept = run("t5", 2, num_beams=3, max_new_tokens=10)
    contents = [record_content(record) for record in kept.records]
    monkeypatch.setattr(lean_sites, "KEPT_BYTES", 0)
    lean = run("t5", 2, num_beams=3, max_new_tokens=10)
    names = set(lean.records[0].sites)
    assert sites.PREDICTION_LOGITS not in lean.records[0].sites.held
    for place in (0, 5, 1, 9, 0, 3):
        assert set(lean.records[place].sites) == names
        assert_same_content(record_content(lean.records[place]), contents[place])


def test_what_was_let_go_is_that_of_its_own_edits(monkeypatch):
    monkeypatch.setattr(lean_sites, "KEPT_BYTES", 0)
    done = run("bart", max_new_tokens=6)
    other = done.edited(SiteEdit(2, 1, sites.DECODER_STATE, (0.5,) * 16))
    assert other.records[2].before is done.records[2].before
    logits = [each.records[2].sites[sites.PREDICTION_LOGITS] for each in (done, other, done)]
    assert torch.equal(logits[0], logits[2])
    assert not torch.equal(logits[0], logits[1])


def test_what_was_let_go_comes_back_without_the_taps_in_place(monkeypatch):
    row = (1.0, *(0.0,) * 8)
    edit = SiteEdit(1, 1, sites.ATTENTION_WEIGHTS, row, (None, None))
    kept = run("bart", max_new_tokens=6, edits=[edit])
    expected = kept.records[1].sites[sites.PREDICTION_LOGITS]
    monkeypatch.setattr(lean_sites, "KEPT_BYTES", 0)
    lean = run("bart", max_new_tokens=6, edits=[edit])
    assert torch.equal(lean.records[1].sites[sites.PREDICTION_LOGITS], expected)


@pytest.mark.parametrize(("name", "settings"), [("bart", {"num_beams": 3}), ("t5", {"do_sample": True})])
def test_memory_grows_with_the_length(name, settings):
    done = run(name, max_new_tokens=48, min_new_tokens=48, **settings)

    def weight(first, last):
        held = storages(done.encoder, *done.records[:last])
        early = storages(done.encoder, *done.records[:first])
        return sum(size for address, size in held.items() if address not in early)

    early, late = weight(8, 16), weight(40, 48)
    assert len(done.records) == 48
    assert late < 2 * early  # the tokens' own ids are a little longer each time; with all keys it is 3
    assert late / 8 < 40_000


def test_two_decodes_at_once_have_nothing_in_common():
    one, other = (plan_of("llama", max_new_tokens=6, num_beams=2) for _ in range(2))
    expected = [record_content(record) for record in Run(one).records]
    with one.installed(), other.installed():
        first, second = one.begin(), other.begin()
        snapshots = [first.after, second.after]
        for place in range(6):
            for which, (plan, encoder) in enumerate(((one, first), (other, second))):
                record = plan.step(encoder, snapshots[which])
                assert_same_content(record_content(record), expected[place])
                snapshots[which] = record.after


def test_arguments_of_a_call_are_left_alone():
    given = inputs("bart", 2)
    before = copy.deepcopy(given)
    run("bart", 2, num_beams=2, max_new_tokens=5)
    assert all(torch.equal(given[name], before[name]) for name in given)
