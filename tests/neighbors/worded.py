"""Every family of `parity` with a tokenizer whose tokens are words: `w12` is token 12."""

import atexit
import random
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:  # the folder `parity` is imported from there
    sys.path.insert(0, ROOT)

from parity.families import FAMILIES, load, saved  # noqa: E402
from s2sdap.decoding.generation.settings import GenerationSettings  # noqa: E402
from s2sdap.models.huggingface.face import HuggingFaceModel  # noqa: E402
from s2sdap.models.huggingface.loading import quiet  # noqa: E402
from s2sdap.neighbors.states import Pair  # noqa: E402

torch.set_num_threads(1)  # sums keep their order

FOLDER = Path(tempfile.mkdtemp(prefix="s2sdap-extraction-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
TEXT = tuple(name for name, family in FAMILIES.items() if family.kind in ("encoder-decoder", "decoder-only"))
ROOM = GenerationSettings(given={"max_new_tokens": 40, "min_new_tokens": 0})
"""The debugger writes a whole reference."""


@cache
def face_of(name):
    """The tiny model of a family, saved and loaded once a process."""
    with quiet():
        model = load(saved(FAMILIES[name], FOLDER))
    composite = getattr(model.config, "encoder", None) if name == "encoder-decoder" else None
    text = composite or model.config.get_text_config(encoder=True)
    size = min(
        getattr(text, "src_vocab_size", None) or text.vocab_size,
        model.get_output_embeddings().weight.shape[0],
    )
    known = Tokenizer(WordLevel({f"w{token}": token for token in range(size)}, unk_token="w9"))
    known.pre_tokenizer = Whitespace()
    names = {"unk_token": "w9", "pad_token": f"w{model.generation_config.pad_token_id}"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=known, **names)
    return HuggingFaceModel.around(model, tokenizer, name=name)


def words(draw, most=9):
    """Some words that no family gives a meaning of its own."""
    return " ".join(f"w{draw.randint(12, 90)}" for _ in range(draw.randint(1, most)))


def pairs(count, seed=5):
    draw = random.Random(seed)
    return [Pair(number, words(draw), words(draw)) for number in range(count)]
