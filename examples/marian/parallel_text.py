"""Parallel text from files that a person has: `train*.en` beside `train*.de`, one sentence a line."""

from dataclasses import dataclass
from pathlib import Path


class DataError(Exception):
    """Something about the data of a person that has to be changed before a training can start."""


@dataclass(frozen=True)
class ParallelText:
    """Sentences of two languages, line by line; `name` is that of the files without the language."""

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)

    def first(self, count: int) -> "ParallelText":
        """The first `count` pairs."""
        return ParallelText(self.name, self.sources[:count], self.targets[:count])


def the_text(folder: Path, split: str, source: str, target: str) -> ParallelText:
    """The one text of `split`, such as `train.lc.norm.tok.en` with its `.de`."""
    texts = all_texts(folder, split, source, target)
    if len(texts) != 1:
        found = ", ".join(text.name for text in texts) or "none"
        raise DataError(
            f"{folder} must hold one pair of files {split}*.{source} and .{target}; it has {found}."
        )
    return texts[0]


def all_texts(folder: Path, split: str, source: str, target: str) -> list[ParallelText]:
    """Every text of `split` in `folder`, by name; there may be none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder.")
    return [_text(path, target) for path in sorted(folder.glob(f"{split}*.{source}"))]


def _text(path: Path, target: str) -> ParallelText:
    other = path.with_suffix(f".{target}")
    if not other.is_file():
        raise DataError(f"{path} has no {other.name} beside it.")
    sources, targets = _lines(path), _lines(other)
    if len(sources) != len(targets):
        raise DataError(
            f"{path} has {len(sources)} lines and {other.name} has {len(targets)}; "
            "line n of one must be the translation of line n of the other."
        )
    # A line that is empty on one side has no translation; it would teach to write nothing.
    pairs = [pair for pair in zip(sources, targets, strict=True) if all(pair)]
    if not pairs:
        raise DataError(f"{path} and {other.name} have no sentence pair.")
    return ParallelText(path.stem, *(tuple(side) for side in zip(*pairs, strict=True)))


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:  # no other break that Unicode has ends a line
            return [line.strip() for line in file]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}.") from None
