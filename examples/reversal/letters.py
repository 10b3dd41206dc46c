"""Strings of letters, which of them training may see, and the tokenizer that makes each letter a token."""

import hashlib
import random
import string
from typing import Final

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

END: Final = "</s>"
UNKNOWN: Final = "<unk>"
PAD: Final = "<pad>"
PIECES: Final = (END, UNKNOWN, *string.ascii_lowercase, PAD)
"""The vocabulary in the order of its ids: as in published Marian models, the end first and padding last."""


def unseen(text: str) -> bool:
    """Whether `text` is kept from training: 1 string in 10 is, by a hash of the string itself."""
    return hashlib.sha256(text.encode()).digest()[0] % 10 == 0


def strings(draw: random.Random, count: int, longest: int, *, kept: bool) -> list[str]:
    """`count` random strings of 1 to `longest` letters: all `unseen` if `kept`, else all seen."""
    drawn: list[str] = []
    while len(drawn) < count:
        text = "".join(draw.choices(string.ascii_lowercase, k=draw.randint(1, longest)))
        if unseen(text) == kept:
            drawn.append(text)
    return drawn


def letter_tokenizer(max_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer that reads every character as one token, whatever stands beside it.

    A trained SentencePiece model may join letters, strips spaces and needs its own way to spans. This
    one has no merges to choose from, and its backend gives the span of every token. Upper case is
    read as lower case; what is no letter is unknown, and still one token with its own span.
    """
    backend = Tokenizer(WordLevel({piece: number for number, piece in enumerate(PIECES)}, unk_token=UNKNOWN))
    backend.normalizer = Lowercase()
    backend.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    backend.post_processor = TemplateProcessing(single=f"$A {END}", special_tokens=[(END, PIECES.index(END))])
    backend.decoder = Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END, unk_token=UNKNOWN, pad_token=PAD, model_max_length=max_length
    )
