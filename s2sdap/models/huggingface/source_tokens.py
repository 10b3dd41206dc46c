"""Text as source tokens: exactly the ids that the tokenizer gives the model, each with its place."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from transformers import PreTrainedTokenizerBase

from s2sdap.models.huggingface.alignment import of_python_tokenizer
from s2sdap.models.huggingface.offsets import Spans, from_offsets
from s2sdap.models.huggingface.pieces import Pieces
from s2sdap.models.huggingface.spelling import check_whole, source_token
from s2sdap.models.tokens import Source, SourceToken


class TextReader:
    """Reads a line with a tokenizer, as `tokenizer(line)` does."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.pieces = Pieces(tokenizer, target=False)
        named = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id}
        unknown = tokenizer.unk_token_id  # in GPT-2's vocabulary this is the end symbol: nothing is unknown
        self.unknown: int | None = None if unknown in named else unknown

    @cached_property
    def around(self) -> frozenset[int]:
        """The tokens that stand around a text and are no part of it: end symbols, padding, languages."""
        tokenizer: Any = self.tokenizer
        added = {token for token, piece in tokenizer.added_tokens_decoder.items() if piece.special}
        languages = getattr(tokenizer, "id_to_lang_token", {})
        return frozenset({*tokenizer.all_special_ids, *added, *languages} - {self.unknown})

    def read(self, line: str) -> Source:
        """The tokens of `line`: their ids are `tokenizer(line).input_ids`.

        Raises:
            S2sdapError: `half_character` for a lone surrogate, which tokenizers refuse, each in its way.
        """
        check_whole(line)
        read: Any = self._with_offsets if self.tokenizer.is_fast else self._by_pieces
        ids, spellings, spans = read(line)
        tokens = zip(ids, spellings, spans, strict=True)
        return Source(line, tuple(self._token(line, *each) for each in tokens))

    def _token(self, line: str, token: int, spelling: str, span: Any) -> SourceToken:
        seen = self.pieces.shown(spelling, token)
        return source_token(
            line, token, seen, span, self.pieces.piece(token) if token == self.unknown else None
        )

    def _with_offsets(self, line: str) -> tuple[Sequence[int], Sequence[str], Spans]:
        found: Any = self.tokenizer(line, return_offsets_mapping=True)
        added = [sentence is None for sentence in found.sequence_ids(0)]
        offsets = [None if own else place for own, place in zip(added, found["offset_mapping"], strict=True)]
        spellings = self.tokenizer.convert_ids_to_tokens(found["input_ids"])
        return found["input_ids"], spellings, from_offsets(line, spellings, offsets)

    def _by_pieces(self, line: str) -> tuple[Sequence[int], Sequence[str], Spans]:
        tokenizer: Any = self.tokenizer
        ids: list[int] = tokenizer(line)["input_ids"]
        written = tokenizer.tokenize(line)
        spans = of_python_tokenizer(line, tokenizer, written)
        body = tokenizer.convert_tokens_to_ids(written)
        before = prefix_length(tokenizer, ids, body)
        spellings = [self.pieces.piece(token) for token in ids]
        if before is None:
            return ids, spellings, [None] * len(ids)
        after = len(ids) - before - len(written)
        spellings[before : before + len(written)] = written
        return ids, spellings, [None] * before + spans + [None] * after


def prefix_length(tokenizer: Any, ids: Sequence[int], body: Sequence[int]) -> int | None:
    """How many tokens the tokenizer puts before a line, or `None` where it does more than add some around."""
    mark = -1
    try:
        around = list(tokenizer.build_inputs_with_special_tokens([mark]))
    except (AttributeError, TypeError, ValueError):
        return None
    if around.count(mark) != 1:
        return None
    before = around.index(mark)
    if list(ids) == [*around[:before], *body, *around[before + 1 :]]:
        return before
    return 0 if list(ids) == list(body) else None  # ByT5 adds no second end symbol
