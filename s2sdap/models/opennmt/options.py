"""What the options of a training say that its weights do not: parts that the recurrent family lacks."""

from collections.abc import Mapping
from typing import Any, Final

from s2sdap.models.opennmt.pickled import Made
from s2sdap.models.opennmt.reasons import Unsupported

_ENCODERS: Final = ("rnn", "brnn")
_PARTS: Final = {
    "context_gate": "a context gate",
    "coverage_attn": "coverage attention",
    "bridge": "a bridge between encoder and decoder",
    "position_encoding": "position encoding",
}


def options_of(checkpoint: Mapping[Any, Any]) -> dict[str, Any]:
    """The options by name; none where a checkpoint has none."""
    saved = checkpoint.get("opt", checkpoint.get("model_opt"))
    values = saved.fields if isinstance(saved, Made) else saved
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if isinstance(name, str)}


def refuse_unsupported(options: Mapping[str, Any]) -> None:
    """Raise `Unsupported` for the first option that asks for what the recurrent family does not have."""
    if options.get("model_task") == "lm":
        raise Unsupported("a decoder alone (model_task lm)")
    if (kind := options.get("model_type")) not in (None, "text"):
        raise Unsupported(f"a source that is no text (model_type {_told(kind)})")
    for name, known in (("encoder_type", _ENCODERS), ("decoder_type", ("rnn",))):
        if (kind := options.get(name)) is not None and kind not in known:
            part = name.removesuffix("_type")
            raise Unsupported(f"a {_told(kind).capitalize()} {part} ({name} {_told(kind)})")
    if options.get("rnn_type") == "SRU":
        raise Unsupported("SRU cells (rnn_type SRU)")
    if (function := options.get("global_attention_function")) not in (None, "softmax"):
        raise Unsupported(f"attention through {_told(function)} (global_attention_function)")
    if options.get("brnn_merge") == "sum":
        raise Unsupported("directions of the encoder that are added up (brnn_merge sum)")
    for name, part in _PARTS.items():
        if options.get(name):
            raise Unsupported(f"{part} ({name})")


def dropout_of(options: Mapping[str, Any]) -> float:
    """The dropout of the training, 0 where it is not told; it does nothing in a decode."""
    value = options.get("dropout")
    if isinstance(value, list) and value:
        value = value[0]
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1 else 0.0


def _told(value: object) -> str:
    return value[:40] if isinstance(value, str) else type(value).__name__
