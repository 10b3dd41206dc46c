"""Search settings: every knob of the decode, checked when it is made. Free of torch."""

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from s2sdap.vocabulary.errors import S2sdapError


class SearchSettings(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """How to search. Snake case in Python, camel case in a launch configuration.

    Greedy is `beam_size=1`; beam search a larger one; `sample=True` draws `n_best` independent
    hypotheses instead. A setting that would have no effect is refused, so that what is on show is
    what was used.
    """

    beam_size: Annotated[int, Meta(ge=1, le=1024, description="Live hypotheses; 1 is greedy search.")] = 1
    n_best: Annotated[int, Meta(ge=1, le=1024, description="Hypotheses to return, or to draw.")] = 1
    length_penalty: Annotated[
        float, Meta(ge=0, le=10, description="Alpha of GNMT's length penalty (Wu et al. 2016, eq. 14).")
    ] = 0.0
    coverage_penalty: Annotated[
        float, Meta(ge=0, le=10, description="Beta of GNMT's coverage penalty (Wu et al. 2016, eq. 14).")
    ] = 0.0
    early_stopping: Annotated[
        bool, Meta(description="End a beam search once beamSize hypotheses have finished.")
    ] = False
    max_length: Annotated[
        int, Meta(ge=1, le=100_000, description="Target tokens at most, the end symbol counted.")
    ] = 200
    min_length: Annotated[
        int, Meta(ge=0, le=100_000, description="Target tokens before the end symbol may come.")
    ] = 0
    no_repeat_ngram: Annotated[
        int, Meta(ge=0, le=1000, description="No n-gram of this size comes twice; 0 is off.")
    ] = 0
    sample: Annotated[bool, Meta(description="Draw each token at random.")] = False
    temperature: Annotated[float, Meta(gt=0, le=1000, description="Divides the logits when sampling.")] = 1.0
    top_k: Annotated[int, Meta(ge=0, description="Draw from the k likeliest tokens; 0 is off.")] = 0
    top_p: Annotated[
        float, Meta(gt=0, le=1, description="Draw from the likeliest tokens that hold this probability.")
    ] = 1.0
    prefix: Annotated[
        str, Meta(max_length=100_000, description="Target text that every output begins with.")
    ] = ""
    seed: Annotated[
        int, Meta(ge=0, le=2**63 - 1, description="Of the draws; sentence and step are mixed in.")
    ] = 0
    max_source_length: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Refuse a sentence of more source tokens.")
    ] = 2000

    def __post_init__(self) -> None:
        _check_bounds(self)
        if self.sample and self.beam_size != 1:
            raise S2sdapError(
                "settings_clash", reason="`sample` draws single hypotheses: `beamSize` must be 1"
            )
        if not self.sample:
            for setting, value, off in (
                ("temperature", self.temperature, 1.0),
                ("topK", self.top_k, 0),
                ("topP", self.top_p, 1.0),
            ):
                if value != off:
                    raise S2sdapError("settings_clash", reason=f"`{setting}` acts only with `sample`: true")
            if self.n_best > self.beam_size:
                raise S2sdapError(
                    "settings_clash",
                    reason=f"`nBest` {self.n_best} is more than `beamSize` {self.beam_size} can give",
                )
        if self.min_length > self.max_length:
            raise S2sdapError(
                "settings_clash",
                reason=f"`minLength` {self.min_length} is more than `maxLength` {self.max_length}",
            )


def _check_bounds(settings: SearchSettings) -> None:
    """Hold settings made in Python to the same bounds that a decoded message is held to."""
    for field in msgspec.structs.fields(settings):
        value: Any = getattr(settings, field.name)
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            raise S2sdapError(
                "bad_setting", setting=field.encode_name, value=value, expected=_wanted(str(error))
            ) from None
        if isinstance(value, float) and math.isnan(value):  # it passes every bound
            raise S2sdapError("bad_setting", setting=field.encode_name, value=value, expected="a number")


def _wanted(complaint: str) -> str:
    """What msgspec wanted: `Expected `int` >= 1` without the first word and the quoting."""
    return complaint.removeprefix("Expected ").replace("`", "")
