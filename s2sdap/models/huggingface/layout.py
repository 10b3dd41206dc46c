"""What a Hugging Face model has: stages, sites and sizes, and how long a source it can read."""

from typing import Any, Final

from torch import nn
from transformers import PreTrainedModel

from s2sdap.models.contract import Layout
from s2sdap.models.huggingface.taps import Taps
from s2sdap.models.huggingface.target_tokens import vocabulary_size
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

_COMPUTED: Final = (
    sites.ENCODER_LAYERS,
    sites.ENCODER_STATES,
    sites.ATTENTION_WEIGHTS,
    sites.ATTENTION_CONTEXTS,
    sites.DECODER_LAYERS,
    sites.DECODER_STATE,
    sites.PREDICTION_FEATURES,
    sites.PREDICTION_LOGITS,
)
"""The order in which a transformer computes its sites, taking attention before the layer that it is in."""


def layout_of(model: PreTrainedModel, taps: Taps) -> Layout:
    """The layout of `model` as far as `taps` can show it. A stage is there where one of its sites is."""
    known = {*taps.sites, sites.PREDICTION_LOGITS}
    attends = any(sites.SITES[site].stage is Stage.ATTENTION for site in known)
    stages = (
        *((Stage.ENCODER,) if taps.has_encoder else ()),
        *((Stage.ATTENTION,) if attends else ()),
        Stage.DECODER,
        Stage.PREDICTION,
        Stage.SEARCH,
    )
    sizes = [("L", taps.layers), ("D", width_of(model)), ("V", vocabulary_size(model))]
    if attends:
        sizes.insert(1, ("H", taps.heads))
    if taps.has_encoder:
        sizes.append(("L of the encoder", taps.encoder_layers))
        sizes.append(("D of an encoder state", encoder_width_of(model)))
    parameters = sum(weight.numel() for weight in model.parameters())
    computed = [site for site in _COMPUTED if site in known]
    others = [site for site in sites.SITES if site in known and site not in _COMPUTED]
    missing = tuple(taps.missing.items())
    return Layout(stages, (*computed, *others), tuple(sizes), parameters, missing)


def width_of(model: PreTrainedModel) -> int:
    """The features `D` of a decoder state."""
    return int(model.config.get_text_config(decoder=True).hidden_size)


def encoder_width_of(model: PreTrainedModel) -> int:
    """The features `D` of an encoder state."""
    encoder: Any = model.get_encoder()
    own = getattr(encoder, "config", model.config)  # FSMT's encoder has none
    return int(own.get_text_config(encoder=True).hidden_size)


def source_vocabulary_size(model: PreTrainedModel) -> int | None:
    """How many source tokens the model has an embedding for, or `None` where it does not say."""
    embedding: Any = model.get_input_embeddings()
    size = getattr(embedding, "num_embeddings", None)
    return None if size is None else int(size)


def source_limit(model: PreTrainedModel) -> int | None:
    """How many source tokens the model has positions for, or `None` where it makes them as it needs them.

    Learned positions and fixed tables end; rotary, relative and computed ones do not, whatever length the
    model was trained on.
    """
    return _limit(model.get_encoder() if model.config.is_encoder_decoder else model)


def target_limit(model: PreTrainedModel) -> int | None:
    """How many tokens the decoder has positions for, those that it reads before its first one included.

    Without an encoder those of the source are among them. `None` where nothing bounds it.
    """
    decoder: Any = model.get_decoder() if model.config.is_encoder_decoder else model  # type: ignore[no-untyped-call]
    return _limit(decoder)


def _limit(reader: nn.Module) -> int | None:
    limits = [
        _rows(module)
        for name, module in reader.named_modules()
        if isinstance(module, nn.Embedding) and _is_of_positions(name.rpartition(".")[2])
    ]
    found = [limit for limit in limits if limit is not None]
    return min(found) if found else None


def _is_of_positions(name: str) -> bool:
    return "position" in name or name == "wpe"


def _rows(table: Any) -> int | None:
    """The positions that a table has, without those that stand for padding; `None` where it grows."""
    if hasattr(table, "make_weight"):  # FSMT writes a longer table when it needs one
        return None
    if table.padding_idx is not None:  # counted from the one after padding
        return int(table.num_embeddings) - int(table.padding_idx) - 1
    return int(table.num_embeddings) - int(getattr(table, "offset", 0))
