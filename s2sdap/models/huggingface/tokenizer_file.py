"""`tokenizer.json` read by itself: the source tokens of a line before transformers and torch are there.

Its tokens are those that the model will read, as long as the tokenizer's class in transformers does what the
file says; so whoever reads with it reads again once the model is loaded. A model that hears or sees, one
whose tokenizer is code of its own, and one without the file wait for transformers.
"""

import json
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from s2sdap.models.huggingface.offsets import from_offsets
from s2sdap.models.huggingface.spelling import check_whole, source_token, text_of_spelling, visible
from s2sdap.models.tokens import Source

FILE: Final = "tokenizer.json"
_SETTINGS: Final = "tokenizer_config.json"
_NO_TEXT: Final = ("preprocessor_config.json", "processor_config.json")
"""Files of a model whose source is a recording or an image."""


class TokenizerFile:
    """Reads a line with a tokenizer's file. Fulfils `SourceReader`."""

    def __init__(self, tokenizer: Tokenizer, unknown: int | None) -> None:
        self._tokenizer = tokenizer
        self._unknown = unknown
        self._added = frozenset(tokenizer.get_added_tokens_decoder())
        parts = (tokenizer.decoder, tokenizer.pre_tokenizer)
        self._byte_level = any("ByteLevel" in repr(part) for part in parts)

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order. Raises `half_character`."""
        check_whole(text)
        found = self._tokenizer.encode(text)
        places = zip(found.sequence_ids, found.offsets, strict=True)
        offsets = [None if sentence is None else place for sentence, place in places]
        spans = from_offsets(text, found.tokens, offsets)
        unknown = None if self._unknown is None else self._shown(self._unknown)
        return Source(
            text,
            tuple(
                source_token(
                    text, token, self._shown(token), span, unknown if token == self._unknown else None
                )
                for token, span in zip(found.ids, spans, strict=True)
            ),
        )

    def _shown(self, token: int) -> str:
        spelling = str(self._tokenizer.id_to_token(token))
        whole = token in self._added or not self._byte_level
        return visible(spelling) if whole else text_of_spelling(spelling)


def tokenizer_file(folder: Path) -> TokenizerFile | None:
    """The reader of the model in a folder; `None` where it takes transformers, which then says why."""
    if not (folder / FILE).is_file() or any((folder / name).exists() for name in _NO_TEXT):
        return None
    try:
        settings = json.loads((folder / _SETTINGS).read_text("utf-8"))
        if "auto_map" in settings:
            return None
        tokenizer = Tokenizer.from_file(str(folder / FILE))
    except Exception:  # a broken file shows as any kind of error
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TokenizerFile(tokenizer, _unknown(tokenizer, settings))


def _unknown(tokenizer: Tokenizer, settings: dict[str, Any]) -> int | None:
    """The unknown token; where it has another meaning too, as GPT-2's end symbol has, nothing is unknown."""
    named = {name: _spelling(settings.get(f"{name}_token")) for name in ("unk", "eos", "bos", "pad")}
    unknown = named.pop("unk")
    return None if unknown is None or unknown in named.values() else tokenizer.token_to_id(unknown)


def _spelling(token: Any) -> str | None:
    """A token as a tokenizer's settings write it: its spelling, or an object with that in it."""
    return token.get("content") if isinstance(token, dict) else token
