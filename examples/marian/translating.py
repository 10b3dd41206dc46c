"""Translate many sentences with a trained model, and score them with sacrebleu where it is installed."""

import importlib.util
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


def bleu_line(written: Sequence[str], references: Sequence[str], *, tokenized: bool) -> str:
    """BLEU with its signature, or that it was not measured. `tokenized` text is taken as it stands."""
    if importlib.util.find_spec("sacrebleu") is None:
        return "BLEU not measured: sacrebleu is not installed"
    from sacrebleu.metrics import BLEU  # noqa: PLC0415 - a person may have it or not

    metric = BLEU(tokenize="none", force=True) if tokenized else BLEU()
    return f"{metric.corpus_score(list(written), [list(references)])}  {metric.get_signature()}"
