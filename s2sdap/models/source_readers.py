"""Reading a line into source tokens before a model is there, and without torch where that can be.

A checkpoint of our own tells its tokenizer in `config.json`; that is all that is read of it. A Hugging Face
model may have a `tokenizer.json`, which the package tokenizers reads by itself. Other models bring a
tokenizer that imports what it likes, so they are read once they are loaded.
"""

import importlib.util
from pathlib import Path
from typing import Protocol

import msgspec

from s2sdap.models import HUGGING_FACE
from s2sdap.models.loading import own_folder
from s2sdap.models.tokenizers import SideConfig, SourceTokenizer
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError

CONFIG_FILE = "config.json"


class SourceReader(Protocol):
    """Reads lines as a model does."""

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order."""
        ...


class _SourceSide(msgspec.Struct, frozen=True):
    """What `config.json` of a checkpoint says of the side that is read."""

    source: SideConfig


def quick_reader(spec: str) -> SourceReader | None:
    """The reader of the model that `spec` names, without torch; `None` where it takes the model.

    Raises:
        S2sdapError: `checkpoint_missing`, `checkpoint_malformed` where the folder is none of ours.
    """
    folder = own_folder(spec)
    return None if folder is None else _reader(folder / CONFIG_FILE)


def reader_of_file(spec: str, revision: str | None = None) -> SourceReader | None:
    """The reader of a Hugging Face model by its `tokenizer.json`, without torch, or `None`.

    May take a second. What it says is that of the file: the model itself, once it is loaded, has the last
    word. Of an id of the hub the files that were fetched before are read; nothing is fetched.
    """
    if not spec.startswith(HUGGING_FACE) or importlib.util.find_spec("tokenizers") is None:
        return None
    from s2sdap.models.huggingface.tokenizer_file import FILE, tokenizer_file  # noqa: PLC0415 - an extra

    named = spec.removeprefix(HUGGING_FACE)
    try:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            folder = _fetched(named, FILE, revision)
    except (OSError, RuntimeError, ValueError):
        return None
    return tokenizer_file(folder)


def _fetched(model: str, file: str, revision: str | None) -> Path:
    """The folder of a model of the hub that was fetched before. Raises `ValueError` where it was not."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - comes with tokenizers

    found = try_to_load_from_cache(model, file, revision=revision)
    if not isinstance(found, str):
        raise ValueError(f"{model} was never fetched")
    return Path(found).parent


def _reader(path: Path) -> SourceTokenizer | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        file = f"{path.name} ({error.strerror})"
        raise S2sdapError("checkpoint_missing", path=path.parent, file=file) from None
    try:
        return SourceTokenizer(msgspec.json.decode(data, type=_SourceSide).source)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise S2sdapError("checkpoint_malformed", path=path, field="$.source", reason=str(error)) from None
