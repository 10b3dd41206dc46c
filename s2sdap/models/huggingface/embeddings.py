"""The embeddings of a Hugging Face model: the matrices that its encoder and its decoder look tokens up in."""

from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from s2sdap.models.contract import Embeddings
from s2sdap.models.huggingface.pieces import Pieces
from s2sdap.models.huggingface.source_tokens import TextReader


def source_embeddings_of(model: PreTrainedModel, reader: TextReader | None) -> Embeddings | None:
    """Those that a text is read with; `None` where the module that reads has none, as for recordings."""
    known: Any = model
    part = known.get_encoder() if model.config.is_encoder_decoder else model
    return _of(part, None if reader is None else reader.pieces, reader)


def target_embeddings_of(model: PreTrainedModel, reader: TextReader | None) -> Embeddings | None:
    """Those that the decoder reads its own tokens with."""
    known: Any = model
    part = known.get_decoder() if model.config.is_encoder_decoder else model
    return _of(part, None if reader is None else Pieces(reader.tokenizer, target=True), reader)


def _of(part: Any, pieces: Pieces | None, reader: TextReader | None) -> Embeddings | None:
    try:
        weight = part.get_input_embeddings().weight
    except (AttributeError, NotImplementedError):  # a module that reads no tokens says so in either way
        return None
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        return None
    size = len(weight)
    if pieces is None or reader is None:
        return Embeddings(weight.detach(), (None,) * size, frozenset())
    spelt = pieces.spellings
    written = tuple(pieces.shown(spelt[token], token) if token in spelt else None for token in range(size))
    special = reader.around | ({reader.unknown} if reader.unknown is not None else set())
    return Embeddings(weight.detach(), written, frozenset(special))
