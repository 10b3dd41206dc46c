"""The letter-reversing Marian learns, loads as any Marian does, and writes the letter that it looks at."""

import importlib.util
import random
import string
from contextlib import contextmanager

import pytest
import torch
from trained_reversal import EXAMPLE, LONGEST, trained_reversal
from transformers import AttentionInterface, AutoModelForSeq2SeqLM, AutoTokenizer, MarianMTModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface
from transformers.models.marian.modeling_marian import eager_attention_forward

pytestmark = pytest.mark.timeout(600)  # the first of them trains, or waits for who does


@pytest.fixture(scope="module")
def folder(warm, tmp_path_factory):
    return trained_reversal(warm, tmp_path_factory)


@pytest.fixture(scope="module")
def model(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(autouse=True)
def example_modules(monkeypatch):
    """The example's own modules can be imported, as its command imports them."""
    monkeypatch.syspath_prepend(EXAMPLE)


def unseen_strings(count):
    from letters import strings

    return strings(random.Random("test"), count, LONGEST, kept=True)


def forwards(tokenizer, text, step, rows=1):
    """Inputs of a forward pass that predicts letter `step` of `text` written backwards, in so many rows."""
    source = tokenizer(text, return_tensors="pt").input_ids
    written = [tokenizer.pad_token_id, *source[0, :-1].flip(0).tolist()[:step]]
    return {
        "input_ids": source.expand(rows, -1),
        "decoder_input_ids": torch.tensor([written]).expand(rows, -1),
        "use_cache": False,
    }


def test_it_reverses_strings_that_training_has_not_seen(model, tokenizer):
    texts = unseen_strings(300)
    read = tokenizer(texts, return_tensors="pt", padding=True)
    written = tokenizer.batch_decode(model.generate(**read), skip_special_tokens=True)
    right = sum(text[::-1] == output for text, output in zip(texts, written, strict=True))
    assert right / len(texts) > 0.95


def test_the_folder_holds_a_marian_model_and_its_settings(model, tokenizer):
    assert type(model) is MarianMTModel
    assert (model.config.d_model, model.config.encoder_layers, model.config.decoder_layers) == (64, 2, 2)
    settings = model.generation_config
    assert (settings.num_beams, settings.do_sample) == (1, None)
    assert settings.eos_token_id == tokenizer.eos_token_id
    assert settings.decoder_start_token_id == settings.pad_token_id == tokenizer.pad_token_id
    assert settings.max_length == tokenizer.model_max_length == model.config.max_position_embeddings


def test_every_letter_is_a_token_with_its_span(tokenizer):
    for text in ("abc", "z", "aaaa", "in", "the", *unseen_strings(20)):
        read = tokenizer(text, return_offsets_mapping=True)
        assert tokenizer.convert_ids_to_tokens(read.input_ids) == [*text, "</s>"]
        assert read.offset_mapping[:-1] == [(at, at + 1) for at in range(len(text))]
    assert len(tokenizer) == len(string.ascii_lowercase) + 3


def test_upper_case_is_read_as_lower_and_the_rest_is_unknown(tokenizer):
    read = tokenizer("Ab 7é🙂", return_offsets_mapping=True)
    assert tokenizer.convert_ids_to_tokens(read.input_ids) == ["a", "b", *["<unk>"] * 4, "</s>"]
    assert read.offset_mapping[:-1] == [(at, at + 1) for at in range(6)]


def test_no_string_is_both_shown_and_kept():
    from letters import strings, unseen

    shown = set(strings(random.Random(1), 3000, 4, kept=False))
    kept = set(strings(random.Random(1), 300, 4, kept=True))
    assert not shown & kept
    assert all(map(unseen, kept))


COLUMNS = None


def one_column(module, query, key, value, attention_mask, scaling=None, **_):
    """Marian's eager attention, but in row k the last position's cross-attention is all on `COLUMNS[k]`."""
    output, weights = eager_attention_forward(module, query, key, value, attention_mask, scaling=scaling)
    if COLUMNS is not None and module.is_decoder and not module.is_causal:
        weights = weights.clone()
        weights[:, :, -1] = torch.nn.functional.one_hot(torch.tensor(COLUMNS), key.shape[2])[:, None]
        output = (weights @ value).transpose(1, 2).contiguous()
    return output, weights


@contextmanager
def weights_on(model, columns):
    """Within the block, every cross-attention head of every layer looks only at the column of its row."""
    global COLUMNS  # noqa: PLW0603 - the attention function is handed nothing of ours
    AttentionInterface.register("one_column", one_column)
    AttentionMaskInterface.register("one_column", ALL_MASK_ATTENTION_FUNCTIONS["eager"])
    before, COLUMNS = model.config._attn_implementation, columns
    model.set_attn_implementation("one_column")
    try:
        yield
    finally:
        COLUMNS = None
        model.set_attn_implementation(before)


@torch.no_grad()
def test_it_writes_the_letter_that_all_heads_are_pointed_at(model, tokenizer):
    chances, obeyed = [], 0
    for text in unseen_strings(30):
        for step in range(len(text)):
            columns = list(range(len(text)))
            inputs = forwards(tokenizer, text, step, rows=len(text))
            with weights_on(model, columns):
                p = model(**inputs).logits[:, -1].softmax(dim=-1)
            goal = inputs["input_ids"][0, : len(text)]
            chances += p[columns, goal].tolist()
            obeyed += int((p.argmax(dim=-1) == goal).sum())
    assert obeyed / len(chances) > 0.99
    assert sorted(chances)[len(chances) // 10] > 0.91


@torch.no_grad()
def test_pointing_by_hooks_is_the_same_as_by_weights(model, tokenizer):
    from pointing import pointed

    for text in ("debugger", "abc"):
        inputs = forwards(tokenizer, text, step=2)
        untouched = model(**inputs).logits
        for column in range(len(text)):
            with pointed(model, [column]):
                hooked = model(**inputs).logits[:, -1]
            with weights_on(model, [column]):
                weighted = model(**inputs).logits[:, -1]
            # Two orders of the same sums of 16 products; logits are about 10 in size.
            torch.testing.assert_close(hooked, weighted, rtol=0, atol=2e-5)
            # The letter that it reads by itself may stand in two places: pointing at either says the same.
            assert (hooked - untouched[:, -1]).abs().max() > 1 or text[column] == text[-3]
        assert torch.equal(model(**inputs).logits, untouched)


def test_the_same_seed_gives_the_same_weights():
    path = EXAMPLE / "train.py"
    spec = importlib.util.spec_from_file_location("reversal_train", path)
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    one, again, other = (train.trained(train.Settings(steps=3, seed=seed)).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(weight, again[name]) for name, weight in one.items())
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])
