"""BLEU by sacrebleu, where it is installed. Shared with examples/translation."""

import importlib.util
from collections.abc import Sequence


def bleu(written: Sequence[str], references: Sequence[str], *, tokenized: bool) -> float | None:
    """The score alone, 0..100, or `None` where sacrebleu is not installed."""
    line = bleu_line(written, references, tokenized=tokenized)
    return float(line.split()[2]) if line.startswith("BLEU = ") else None


def bleu_line(written: Sequence[str], references: Sequence[str], *, tokenized: bool) -> str:
    """BLEU with its signature, or that it was not measured. `tokenized` text is taken as it stands."""
    if importlib.util.find_spec("sacrebleu") is None:
        return "BLEU not measured: sacrebleu is not installed"
    from sacrebleu.metrics import BLEU  # noqa: PLC0415 - a person may have it or not

    metric = BLEU(tokenize="none", force=True) if tokenized else BLEU()
    return f"{metric.corpus_score(list(written), [list(references)])}  {metric.get_signature()}"
