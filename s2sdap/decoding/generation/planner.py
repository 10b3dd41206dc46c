"""Plans of sentences that a launch decodes with the model's own `generate`."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from s2sdap.decoding.generation.config import checked
from s2sdap.decoding.generation.lean import Latest
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.plan import Planner
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.vocabulary.errors import S2sdapError


def generate_planner(face: object, settings: GenerationSettings) -> Planner:
    """Plans that decode with the model's own `generate`. Refuses settings that do not exist."""
    if not isinstance(face, HuggingFaceModel):
        raise TypeError(
            f"only transformers' `generate` can be taken apart, and {face!r} is not of transformers"
        )
    given = checked(settings.given)
    prefix = _prefix_of(face, settings)
    face.stay_tapped()
    return functools.partial(_planned, face, settings, given, prefix, Latest())


def _planned(
    face: HuggingFaceModel,
    settings: GenerationSettings,
    given: Mapping[str, Any],
    prefix: tuple[int, ...],
    latest: Latest,
    text: str,
    *,
    sentence: int,
    line: int,
    where: str,
    folder: str | None = None,
) -> GeneratePlan:
    del sentence  # every sentence begins from the same seed, as a call of its own does
    source = face.tokenize(text, base=None if folder is None else Path(folder))
    if not source.tokens:
        raise S2sdapError("no_tokens", line=line, path=where)
    limit = min(settings.max_source_length, face.max_source_length or settings.max_source_length)
    if len(source.tokens) > limit:
        raise S2sdapError("source_too_long", line=line, path=where, length=len(source.tokens), limit=limit)
    arguments: dict[str, Any] = {**face.inputs(source), **given}
    if given.get("stop_strings") or face.model.generation_config.stop_strings:
        arguments["tokenizer"] = face.tokenizer
    return GeneratePlan(
        face, (source,), arguments, given=given, prefix=prefix, seed=settings.seed, latest=latest
    )


def _prefix_of(face: HuggingFaceModel, settings: GenerationSettings) -> tuple[int, ...]:
    prefix = face.target.encode(settings.prefix) if settings.prefix else ()
    if face.target.unknown is not None and face.target.unknown in prefix:
        raise S2sdapError(
            "bad_setting", setting="prefix", value=settings.prefix, expected="made of target tokens"
        )
    return prefix
