"""Reading a line into source tokens before a model is there, and without torch where that can be.

A checkpoint of our own tells its tokenizer in `config.json`; that is all that is read of it. Other models
bring a tokenizer that imports what it likes, so they are read once they are loaded.
"""

from pathlib import Path
from typing import Protocol

import msgspec

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
