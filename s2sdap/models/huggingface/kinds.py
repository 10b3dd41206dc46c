"""Which of transformers' classes a model is of, told from its configuration."""

from typing import Any, Final

import transformers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    AutoModelForSpeechSeq2Seq,
    PreTrainedConfig,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from s2sdap.models.huggingface.place import Place
from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.vocabulary.errors import S2sdapError

WRITERS: Final[tuple[Any, ...]] = (
    AutoModelForSpeechSeq2Seq,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    AutoModelForCausalLM,
)
"""What writes text, most special first: Whisper's configuration also fits a language model."""


def read_config(place: Place, *, trusted: bool) -> PreTrainedConfig:
    """The configuration of the model, of its own class.

    Raises:
        S2sdapError: `model_type_unknown`, `remote_code_refused`, `not_a_model`.
    """
    kind = place.config.get("model_type")
    own = place.config.get("auto_map") or {}
    if not isinstance(kind, str) and not own:
        raise S2sdapError("not_a_model", path=place.where, reason="its config.json names no `model_type`")
    if kind not in CONFIG_MAPPING and not (trusted and own):
        refuse_code(place, own, trusted=trusted)
        version = transformers.__version__
        raise S2sdapError("model_type_unknown", path=place.where, type=kind, version=version)
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            place.where, trust_remote_code=trusted, **place.arguments
        )
    except Exception as error:  # a configuration that contradicts itself fails in as many ways as there are
        reason = f"its config.json: {reason_of(error)}"
        raise S2sdapError("not_a_model", path=place.where, reason=reason) from error
    return config


def auto_class(place: Place, config: PreTrainedConfig, *, trusted: bool) -> Any:
    """The Auto class that loads the model: the one of the architecture that it was saved as.

    Raises:
        S2sdapError: `model_writes_nothing`, `remote_code_refused`.
    """
    own = place.config.get("auto_map") or {}
    fitting = [auto for auto in WRITERS if trusted and auto.__name__ in own]
    if fitting:
        return fitting[0]
    fitting = [auto for auto in WRITERS if type(config) in auto._model_mapping]
    saved_as = tuple(config.architectures or ())
    for auto in fitting:
        if saved_as and not _names(auto, config).isdisjoint(saved_as):
            return auto
    if not fitting:
        refuse_code(place, own, trusted=trusted)
    told = next((name for name in saved_as if hasattr(transformers, name)), None)
    if not fitting or (told is not None and told not in _names(AutoModel, config)):
        architecture = told or " or ".join(saved_as) or type(config).__name__.removesuffix("Config")
        raise S2sdapError("model_writes_nothing", path=place.where, architecture=architecture)
    return fitting[0]  # saved without its head, as BART is: where the head has weights, they will be missed


def refuse_code(place: Place, own: dict[str, Any], *, trusted: bool) -> None:
    """Refuse a model whose folder brings Python code, unless that is trusted."""
    if own and not trusted:
        files = sorted({f"{str(name).split('--')[-1].partition('.')[0]}.py" for name in _references(own)})
        raise S2sdapError("remote_code_refused", path=place.where, files=", ".join(files))


def _references(own: dict[str, Any]) -> list[Any]:
    """What `auto_map` names; a tokenizer's entry is a pair of which one may be missing."""
    values = [each if isinstance(each, (list, tuple)) else [each] for each in own.values()]
    return [name for value in values for name in value if name]


def _names(auto: Any, config: PreTrainedConfig) -> set[str]:
    """The names of the classes that an Auto class has for a configuration."""
    if type(config) not in auto._model_mapping:
        return set()
    found = auto._model_mapping[type(config)]
    return {each.__name__ for each in (found if isinstance(found, (list, tuple)) else (found,))}
