"""Translate many sentences with a trained model."""

from collections.abc import Callable, Sequence

import torch
from transformers import MarianMTModel, MarianTokenizer


@torch.no_grad()
def translations(
    model: MarianMTModel,
    tokenizer: MarianTokenizer,
    sentences: Sequence[str],
    seen: Callable[[int], None] = lambda _count: None,
    batch_size: int = 32,
) -> list[str]:
    """What `model` writes for each sentence under its own generation config.

    Sentences of like length go together, so that little is padded. `seen` hears after each batch how
    many sentences it had.
    """
    model.eval()
    written = [""] * len(sentences)
    order = sorted(range(len(sentences)), key=lambda number: len(sentences[number]))
    for start in range(0, len(order), batch_size):
        numbers = order[start : start + batch_size]
        read = tokenizer(
            [sentences[number] for number in numbers], return_tensors="pt", padding=True, truncation=True
        )
        outputs = tokenizer.batch_decode(model.generate(**read), skip_special_tokens=True)
        for number, output in zip(numbers, outputs, strict=True):
            written[number] = output
        seen(len(numbers))
    return written
