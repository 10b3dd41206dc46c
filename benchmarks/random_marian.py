"""A Marian as sure of its words as a trained one, for runs in which only their cost is of interest.

With random weights all tokens are about equally likely. Then many decisions are as close as rounding, and
their sentences have to be decoded again by themselves (14 of 128). So its output layer is scaled.
"""

import random
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.huggingface import marian
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.models.huggingface.face import HuggingFaceModel

SURE: Final = 16.0
"""Makes the likeliest token 0.52 likely on average, at 2.1 nats of entropy."""
_SIZE: Final = 8000
TOKENS: Final = 24
"""Target tokens of every sentence."""


def sure_marian() -> HuggingFaceModel:
    """Three and three layers, d = 256."""
    model = marian(256, 3, _SIZE)
    output: Any = model.get_output_embeddings()
    output.weight = torch.nn.Parameter(output.weight.detach() * SURE)  # the embeddings stay as they are
    biases: Any = model
    biases.final_logits_bias[0, 1] = -1e4  # it never writes the unknown word, so that no rule about it fires
    return HuggingFaceModel.around(model, _words_of(model), name="marian")


def _words_of(model: PreTrainedModel) -> PreTrainedTokenizerFast:
    """Every token is a word, and nothing is added."""
    size = model.config.vocab_size
    known = Tokenizer(WordLevel({f"w{token}": token for token in range(size)}, unk_token="w1"))
    known.pre_tokenizer = Whitespace()
    names = {"eos_token": "w0", "unk_token": "w1", "pad_token": f"w{size - 1}"}
    return PreTrainedTokenizerFast(tokenizer_object=known, **names)


def lines_for(count: int) -> list[str]:
    """Sentences of 6 to 24 words, the same in every run; none begins as a special token is written."""
    draw = random.Random(5)
    return [
        " ".join(f"w{draw.randint(2000, _SIZE - 100)}" for _ in range(draw.randint(6, 24)))
        for _ in range(count)
    ]


def settings_for(beam: int) -> GenerationSettings:
    """Every sentence `TOKENS` long."""
    length = {"min_new_tokens": TOKENS, "max_new_tokens": TOKENS}
    return GenerationSettings(given={"num_beams": beam, **length})
