"""Settings of a decode by the model's own `generate`. Free of torch and transformers.

Names are those of transformers' `GenerationConfig`; they are checked against it, and against the
model, when the plan is made. Where our own search has a setting of the same meaning, it may be
written in our words too.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from s2sdap.decoding.settings import SearchSettings
from s2sdap.vocabulary.errors import S2sdapError

SAME_MEANING: Final = {
    "beam_size": "num_beams",
    "n_best": "num_return_sequences",
    "early_stopping": "early_stopping",
    "max_length": "max_new_tokens",
    "min_length": "min_new_tokens",
    "no_repeat_ngram": "no_repeat_ngram_size",
    "sample": "do_sample",
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
}
"""Our settings that `generate` has as well, under the names it has them by."""
_OURS: Final = ("prefix", "seed", "max_source_length")


class GenerationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a launch says of the decode; what it leaves out is as the model's folder has it.

    `given` are `GenerationConfig` names with their values; `prefix` is target text that every output
    begins with, `seed` is set before every sentence, `max_source_length` refuses longer sources.
    """

    given: dict[str, Any] = msgspec.field(default_factory=dict)
    prefix: Annotated[str, Meta(max_length=100_000)] = ""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    max_source_length: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000


def generation_settings(
    search: Mapping[str, Any], generation: Mapping[str, Any], model: str
) -> GenerationSettings:
    """The settings that a person wrote under our names (in Python's spelling) and under transformers'.

    Raises `other_search` for a setting that `generate` has nothing like, `settings_clash` where both
    name the same thing and differ.
    """
    given = dict(generation)
    own: dict[str, Any] = {}
    for name, value in search.items():
        if name in _OURS:
            own[name] = value
            continue
        theirs = SAME_MEANING.get(name)
        if theirs is None:
            raise S2sdapError("other_search", given=f"search.{name}", wanted="generation", model=model)
        if given.setdefault(theirs, value) != value:
            raise S2sdapError(
                "settings_clash", reason=f"`search.{name}` and `generation.{theirs}` are the same and differ"
            )
    return GenerationSettings(given=given, **own)


def changed(settings: SearchSettings) -> dict[str, Any]:
    """The fields of our own settings that are not as they are by default."""
    fields = msgspec.structs.fields(settings)
    values = ((field, getattr(settings, field.name)) for field in fields)
    return {field.name: value for field, value in values if value != field.default}
