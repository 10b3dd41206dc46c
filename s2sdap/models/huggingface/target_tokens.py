"""The target vocabulary of a Hugging Face model: as many tokens as the model has logits, and their pieces."""

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from s2sdap.models.huggingface.pieces import Pieces
from s2sdap.models.huggingface.spelling import numbered

NO_TOKEN = -1
"""What stands for a begin or an end symbol that the model does not have: no token is written so."""


class TargetPieces:
    """Ids to pieces and back. Fulfils the contract's `TargetVocabulary`.

    Without a tokenizer a piece is `#` and the id, and so is that of an id which the tokenizer lacks.
    """

    bos: int
    eos: int
    unknown: int | None

    def __init__(self, tokenizer: PreTrainedTokenizerBase | None, size: int, bos: int, eos: int) -> None:
        self.bos, self.eos, self._size = bos, eos, size
        self.tokenizer = tokenizer
        self._pieces = None if tokenizer is None else Pieces(tokenizer, target=True)
        self.unknown = None if tokenizer is None else tokenizer.unk_token_id

    def __len__(self) -> int:
        return self._size

    def piece(self, token: int, /) -> str:
        """How token `token` is written; an id outside the vocabulary is an `IndexError`."""
        if not 0 <= token < self._size:
            raise IndexError(f"token {token} is not in the vocabulary")
        return numbered(token) if self._pieces is None else self._pieces.piece(token)

    def find(self, piece: str, /) -> int | None:
        """The id of `piece` as it is shown or spelt, or `None` if no token is written so."""
        found = None if self._pieces is None else self._pieces.find(piece)
        if found is None and piece[:1] == "#" and piece[1:].isdecimal() and piece[1:].isascii():
            token = int(piece[1:9])
            found = token if piece == numbered(token) else None
        return found if found is not None and found < self._size else None

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text` as target text, without begin and end symbols."""
        if self.tokenizer is None:
            found = (self.find(piece) for piece in text.split())
            return tuple(token for token in found if token is not None)
        tokenizer: Any = self.tokenizer
        if hasattr(tokenizer, "current_spm"):  # Marian writes with another SentencePiece model than it reads
            return tuple(tokenizer(text_target=text, add_special_tokens=False)["input_ids"])
        if hasattr(tokenizer, "get_tgt_vocab"):  # FSMT spells with one model, and looks up in the source's
            found = (self.find(piece) for piece in tokenizer.tokenize(text))
            return tuple(self.unknown or 0 if token is None else token for token in found)
        # Elsewhere the target's mode changes only the tokens around, and may ask for a language first.
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, as the tokenizer decodes them without its special tokens."""
        if self.tokenizer is None or self._pieces is None:
            return " ".join(numbered(token) for token in tokens if token not in (self.bos, self.eos))
        inner = (token for token in tokens if token not in (self.bos, self.eos))
        known = [token for token in inner if self._pieces.spelling(token) is not None]
        return str(self.tokenizer.decode(known, skip_special_tokens=True))


def target_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> TargetPieces:
    """The target vocabulary of `model`; begin and end are those that its own `generate` uses."""
    generation: Any = model.generation_config
    start = generation.bos_token_id
    if model.config.is_encoder_decoder and generation.decoder_start_token_id is not None:
        start = generation.decoder_start_token_id
    if start is None and tokenizer is not None:
        start = tokenizer.bos_token_id
    end = generation.eos_token_id
    if end is None and tokenizer is not None:
        end = tokenizer.eos_token_id
    return TargetPieces(tokenizer, vocabulary_size(model), _first(start), _first(end))


def vocabulary_size(model: PreTrainedModel) -> int:
    """How many logits `V` the model has."""
    known: Any = model  # transformers leaves this method without types
    head = known.get_output_embeddings()
    weight = getattr(head, "weight", None)
    if weight is not None and weight.dim() == 2:
        return int(weight.shape[0])
    return int(model.config.get_text_config(decoder=True).vocab_size)


def _first(token: Any) -> int:
    """A token id, the first of several, or `NO_TOKEN` for none."""
    while isinstance(token, (list, tuple)):
        token = token[0] if token else None
    return NO_TOKEN if token is None else int(token)
