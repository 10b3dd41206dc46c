"""What `generate` returns, made of the snapshot at which a decode has ended."""

from typing import Any

from torch import Tensor
from transformers.generation.utils import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
)

from s2sdap.decoding.generation.beam_telling import Beams
from s2sdap.decoding.generation.forward import Gathered, Running
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.records import Snapshot


def returned(model: Any, prepared: Prepared, after: Snapshot) -> Any:
    """The tensor of sequences, or the output object of transformers that the settings ask for."""
    running: Running = after.state
    _fill(prepared.cache, running)
    ids: Any = running.ids
    if isinstance(running.search, Beams):
        return _of_beams(model, prepared, running, running.search)
    if not prepared.config.return_dict_in_generate:
        return ids
    parts = _parts(model, prepared, running)
    if model.config.is_encoder_decoder:
        return GenerateEncoderDecoderOutput(sequences=ids, **parts)
    return GenerateDecoderOnlyOutput(sequences=ids, **parts)


def _of_beams(model: Any, prepared: Prepared, running: Running, search: Beams) -> Any:
    config = prepared.config
    count = config.num_return_sequences
    sequences: Any = search.finished[:, :count].flatten(0, 1)
    history: Any = search.finished_history[:, :count].flatten(0, 1)
    scores = _scores(search, count)
    length = int(((history + 1).bool()).sum(dim=1).max())
    sequences = sequences[:, : search.prompt + length]
    if not config.return_dict_in_generate:
        return sequences
    parts = _parts(model, prepared, running)
    family = (
        GenerateBeamEncoderDecoderOutput if model.config.is_encoder_decoder else GenerateBeamDecoderOnlyOutput
    )
    return family(
        sequences=sequences,
        sequences_scores=scores if config.output_scores else None,
        beam_indices=history[:, :length],
        **parts,
    )


def _scores(search: Beams, count: int) -> Tensor:
    """The finished scores; a person's choice, which was lifted over the others, with its own."""
    scores = search.finished_scores[:, :count].to(search.running_scores.dtype, copy=True)
    width = search.finished_scores.shape[1]
    for place, each in enumerate(search.ends):
        row, column = divmod(place, width)
        if each is not None and each.forced and column < count:
            scores[row, column] = each.final
    return scores.flatten(0, 1)


def _fill(cache: Any, running: Running) -> None:
    """Leave a cache that the caller brought as `generate` would leave it: grown by this decode."""
    if getattr(cache, "_is_user_defined", False) and running.cache is not None:
        grown = vars(running.cache.cache())
        vars(cache).update({name: value for name, value in grown.items() if name != "_is_user_defined"})


def _parts(model: Any, prepared: Prepared, running: Running) -> dict[str, Any]:
    """The fields that both kinds of search fill, under the names of the model's kind."""
    config, gathered = prepared.config, running.gathered
    cache = None if running.cache is None else running.cache.cache()
    if getattr(prepared.cache, "_is_user_defined", False):
        cache = prepared.cache
    parts: dict[str, Any] = {
        "scores": _column(gathered, "scores") if config.output_scores else None,
        "logits": _column(gathered, "logits") if config.output_logits else None,
        "past_key_values": cache,
    }
    own = _column(gathered, "attentions") if config.output_attentions else None
    hidden = _column(gathered, "hidden") if config.output_hidden_states else None
    if not model.config.is_encoder_decoder:
        return {**parts, "attentions": own, "hidden_states": hidden}
    read = prepared.kwargs["encoder_outputs"]
    return {
        **parts,
        "encoder_attentions": read.get("attentions") if config.output_attentions else None,
        "encoder_hidden_states": read.get("hidden_states") if config.output_hidden_states else None,
        "decoder_attentions": own,
        "cross_attentions": _column(gathered, "crossed") if config.output_attentions else None,
        "decoder_hidden_states": hidden,
    }


def _column(gathered: Gathered | None, name: str) -> tuple[Any, ...]:
    return () if gathered is None else gathered.column(lambda each: getattr(each, name))
