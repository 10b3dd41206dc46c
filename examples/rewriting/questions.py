"""Disfl-QA as pairs: a question with a slip of the tongue in it, and the question that was meant.

Gupta et al. 2021, https://github.com/google-research-datasets/Disfl-QA (CC BY 4.0): three files `train.json`,
`dev.json` and `test.json`, each an object of {"original": ..., "disfluent": ...} by question.
"""

import json
import re
from pathlib import Path

_TOKEN = re.compile(r"\w+|[^\w\s]")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")

Pair = tuple[str, str]


def tokenized(text: str) -> str:
    """Words and punctuation with a space between and in lower case, as the model reads and writes them.

    Some questions hold the escape of a character as six characters, which are that character here.
    """
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return " ".join(_TOKEN.findall(plain.lower()))


def read(folder: Path, part: str) -> list[Pair]:
    """The pairs of `part` ("train", "dev", "test"), disfluent and fluent, in the order of the file."""
    path = folder / f"{part}.json"
    try:
        questions = json.loads(path.read_text(encoding="utf-8"))
        pairs = [(tokenized(each["disfluent"]), tokenized(each["original"])) for each in questions.values()]
    except OSError as error:
        raise SystemExit(
            f"{path}: {error.strerror}. --data is a folder with train.json, dev.json, test.json"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SystemExit(
            f"{path}: not a file of Disfl-QA, an object of questions as original, disfluent"
        ) from None
    return [pair for pair in pairs if all(pair)]
