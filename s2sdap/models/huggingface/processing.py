"""What turns a line into tensors: tokenizer, feature extractor and image processor, alone or in one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import (
    AutoFeatureExtractor,
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)
from transformers.utils.hub import cached_file

from s2sdap.models.huggingface.kinds import refuse_code
from s2sdap.models.huggingface.place import Place
from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Processing:
    """The parts that a model has. `whole` is the object that they were loaded as or given in."""

    whole: Any = None
    tokenizer: PreTrainedTokenizerBase | None = None
    extractor: Any = None
    image_processor: Any = None

    @classmethod
    def of(cls, whole: Any) -> "Processing":
        """The parts of a tokenizer, of a feature extractor, of an image processor, or of a processor."""
        if isinstance(whole, PreTrainedTokenizerBase):
            return cls(whole, tokenizer=whole)
        extractor = getattr(whole, "feature_extractor", whole)
        images = getattr(whole, "image_processor", whole)
        return cls(
            whole,
            getattr(whole, "tokenizer", None),
            extractor if hasattr(extractor, "sampling_rate") else None,
            images if hasattr(images, "image_mean") or hasattr(images, "do_resize") else None,
        )


def load_processing(place: Place, reads: str, *, trusted: bool) -> Processing:
    """The tokenizer, and for a model that hears or sees the processor that belongs to it.

    Raises:
        S2sdapError: `processing_missing`, `remote_code_refused`.
    """
    tokenizer = _load_tokenizer(place, trusted=trusted)
    if reads == "input_ids":
        return Processing(tokenizer, tokenizer)
    try:
        found = Processing.of(_load(place, "processor", AutoProcessor, trusted=trusted))
    except S2sdapError as error:  # many a model is saved as its parts
        if error.name != "processing_missing":
            raise
        found = Processing()
    if reads == "pixel_values":
        images = found.image_processor or _load(place, "image processor", AutoImageProcessor, trusted=trusted)
        return Processing(found.whole if found.image_processor else images, tokenizer, None, images)
    extractor = found.extractor or _load(place, "feature extractor", AutoFeatureExtractor, trusted=trusted)
    return Processing(found.whole if found.extractor else extractor, tokenizer, extractor, None)


def _load_tokenizer(place: Place, *, trusted: bool) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = _load(place, "tokenizer", AutoTokenizer, trusted=trusted)
    names = {"tokenizer.json", *tokenizer.vocab_files_names.values()} - {"tokenizer_config.json"}
    if not tokenizer.vocab_files_names or any(_is_there(place, name) for name in sorted(names)):
        return tokenizer
    # Without its vocabulary transformers makes an empty tokenizer, and says nothing.
    reason = f"it needs one of {', '.join(sorted(names))}"
    raise S2sdapError("processing_missing", path=place.where, part="tokenizer", reason=reason)


def _load(place: Place, part: str, auto: Any, *, trusted: bool) -> Any:
    load: Callable[..., Any] = auto.from_pretrained
    try:
        return load(place.where, trust_remote_code=trusted, **place.arguments)
    except Exception as error:  # a missing file shows as any kind of error
        reason = reason_of(error)
        if "trust_remote_code" in reason:
            refuse_code(place, {part: f"{part.replace(' ', '_')}.py"}, trusted=trusted)
        raise S2sdapError("processing_missing", path=place.where, part=part, reason=reason) from error


def _is_there(place: Place, name: str) -> bool:
    found = cached_file(
        place.where,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **place.arguments,
    )
    return found is not None
