"""Tiny random-weight models of every family that is held against `generate`, built by name.

A family knows how to build its model, and `inputs_of` what that model's `generate` takes. Weights are
drawn so widely that the output varies from step to step: parity that holds on them is not luck.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    AutoModelForSpeechSeq2Seq,
    EncoderDecoderModel,
    PreTrainedModel,
)

from parity import families_decoder_only, families_perceiving, families_text_to_text

__all__ = ["FAMILIES", "Family", "Kind", "inputs_of", "load", "saved"]

Kind = Literal["encoder-decoder", "speech", "vision", "decoder-only"]

SEED: Final = 20170803
LIVELY: Final[dict[str, int]] = {
    "marian": 81,
    "bart": 105,
    "mbart": 6,
    "m2m100": 108,
    "pegasus": 10,
    "blenderbot": 4,
    "t5": 115,
    "mt5": 7,
    "umt5": 0,
    "t5gemma": 18,
    "led": 175,
    "longt5": 27,
    "prophetnet": 65,
    "fsmt": 35,
    "encoder-decoder": 85,
    "pegasus-x": 141,
    "whisper": 35,
    "moonshine": 2,
    "speech2text": 88,
    "trocr": 63,
    "vision-encoder-decoder": 63,
    "gpt2": 7,
    "llama": 1,
    "qwen2": 0,
    "qwen3": 0,
    "gemma": 5,
    "gemma2": 19,
    "gemma3": 3,
    "mistral": 0,
    "opt": 1,
    "gpt-oss": 1,
    "bloom": 54,
    "qwen3-next": 0,
}
"""Added to `SEED`: weights with which a dozen greedy tokens have at least five different ones among them."""

SOURCE_TOKENS: Final = 9
"""How many tokens the longest source of a batch has; each further one is two shorter."""


@dataclass(frozen=True)
class Family:
    """One family of models: its name, what it reads, and a builder of its tiny model (in eval mode)."""

    name: str
    kind: Kind
    build: Callable[[], PreTrainedModel]


FAMILIES: Final[dict[str, Family]] = {
    name: Family(name, kind, build)
    for kind, builders in (
        ("encoder-decoder", families_text_to_text.BUILDERS),
        ("speech", families_perceiving.SPEECH),
        ("vision", families_perceiving.VISION),
        ("decoder-only", families_decoder_only.BUILDERS),
    )
    for name, build in builders.items()
}


def inputs_of(family: Family, model: PreTrainedModel, batch: int = 1, seed: int = 3) -> dict[str, Tensor]:
    """What this family's `generate` takes: random sources, the further ones of a batch shorter and padded.

    Args:
        family: the family that `model` is of.
        model: says how large its vocabulary, features and images are.
        batch: how many sentences `B`. Sentence b has `SOURCE_TOKENS - 2 b` tokens (at least 3).
        seed: of the random sources.

    Returns:
        Keyword arguments of `generate`. Text is padded on the right, for a decoder-only model on the left.
    """
    drawn = torch.Generator().manual_seed(seed)
    if family.kind in {"speech", "vision"}:
        return families_perceiving.inputs_of(family.name, model, batch, drawn)
    left = family.kind == "decoder-only"
    composite = isinstance(model, EncoderDecoderModel)
    text = model.config.encoder if composite else model.config.get_text_config(encoder=True)
    vocabulary = getattr(text, "src_vocab_size", None) or text.vocab_size
    pad, eos = model.generation_config.pad_token_id, model.generation_config.eos_token_id
    ids = torch.full((batch, SOURCE_TOKENS), pad)
    mask = torch.zeros_like(ids)
    for row in range(batch):
        length = max(SOURCE_TOKENS - 2 * row, 3)
        tokens = torch.randint(10, vocabulary, (length,), generator=drawn)
        if not left:
            tokens[-1] = eos
        span = slice(-length, None) if left else slice(0, length)
        ids[row, span] = tokens
        mask[row, span] = 1
    return {"input_ids": ids, "attention_mask": mask}


def saved(family: Family, folder: Path) -> Path:
    """Build the family's model from the fixed seed and `save_pretrained` it; the folder `folder / name`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED + LIVELY.get(family.name, 0))
        model = family.build()
    target = folder / family.name
    model.save_pretrained(target)
    return target


def load(folder: Path) -> PreTrainedModel:
    """The model of a folder as a user loads it: `from_pretrained` of the fitting Auto class, in eval mode."""
    config = type(AutoConfig.from_pretrained(folder))
    for auto in (AutoModelForSpeechSeq2Seq, AutoModelForImageTextToText, AutoModelForSeq2SeqLM):
        if config in auto._model_mapping:
            return auto.from_pretrained(folder).eval()
    return AutoModelForCausalLM.from_pretrained(folder).eval()
