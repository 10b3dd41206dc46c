"""Folders of tiny summarisers, BART, Pegasus and T5, that read more than 1,000 tokens.

Their generation settings are those of the published ones: four beams, a least length, no three tokens twice.
"""

import random
from functools import cache

import transformers as hf
from models import hf_tiny

LONGEST = 1300
BEAMS = {"num_beams": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 3, "min_length": 4, "max_length": 12}
SIZES = {**hf_tiny.SIZES, "max_position_embeddings": LONGEST}


def article(model, tokens: int = 1000) -> str:
    """A text of so many source tokens of `model` or a few more, in one line."""
    draw = random.Random(5)
    known = [word for line in hf_tiny.LINES[:5] for word in line.split()]
    words: list[str] = []
    while (length := len(model.tokenize(" ".join(words)).tokens)) < tokens:
        words += draw.choices(known, k=1 + (tokens - length) // 8)
    return " ".join(words)


def bart(folder, sizes):
    tokenizer = hf.BartTokenizer(**hf_tiny._byte_level())
    tokenizer.save_pretrained(folder)
    config = hf.BartConfig(**sizes, forced_bos_token_id=2, **hf_tiny.ids(tokenizer, start=1))
    return hf.BartForConditionalGeneration(config)


def pegasus(folder, sizes):
    pieces = hf_tiny.pieces_of(hf_tiny.spm_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    tokenizer = hf.PegasusTokenizer(vocab=pieces, offset=0)
    tokenizer.save_pretrained(folder)
    config = hf.PegasusConfig(**sizes, **hf_tiny.ids(tokenizer))
    return hf.PegasusForConditionalGeneration(config)


def t5(folder, sizes):
    pieces = hf_tiny.pieces_of(hf_tiny.spm_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    tokenizer = hf.T5Tokenizer(vocab=pieces, extra_ids=2)
    tokenizer.save_pretrained(folder)
    width, heads = sizes["d_model"], sizes["decoder_attention_heads"]
    config = hf.T5Config(
        d_model=width,
        d_kv=width // heads,
        d_ff=sizes["decoder_ffn_dim"],
        num_layers=sizes["decoder_layers"],
        num_heads=heads,
        **hf_tiny.ids(tokenizer),
    )
    return hf.T5ForConditionalGeneration(config)


BUILDERS = {"bart": bart, "pegasus": pegasus, "t5": t5}


def write(folder, name: str, **sizes: int) -> None:
    """Write a summariser of random weights, with its tokenizer and generation settings."""
    with hf_tiny.torch.random.fork_rng(devices=[]), hf_tiny.quiet():
        hf_tiny.torch.manual_seed(20170803)
        model = BUILDERS[name](folder, {**SIZES, **sizes})
        for setting, value in BEAMS.items():
            setattr(model.generation_config, setting, value)
        model.save_pretrained(folder)


@cache
def folder_of(name: str):
    """The folder of the tiny summariser `name`."""
    folder = hf_tiny.ROOT / f"summariser-{name}"
    folder.mkdir()
    write(folder, name)
    return folder
