"""Which plan a model and its settings ask for: our own search, or that of the model's library."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from s2sdap.decoding.generation.settings import GenerationSettings, changed, generation_settings
from s2sdap.decoding.plan import Planner
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import own_search
from s2sdap.models.contract import Described, GeneratingModel, Model
from s2sdap.vocabulary.errors import S2sdapError

Settings = SearchSettings | GenerationSettings


def planner_for(model: Described, settings: Settings | None) -> Planner:
    """Plans for `model` under `settings`, by default its own. Refuses settings of the other kind."""
    if generates(model):
        from s2sdap.decoding.generation.planner import generate_planner  # noqa: PLC0415 - imports transformers

        if isinstance(settings, SearchSettings):
            settings = generation_settings(changed(settings), {}, model.name)
        return generate_planner(model, settings or GenerationSettings())
    if isinstance(settings, GenerationSettings):
        raise S2sdapError("other_search", given="generation", wanted="search", model=model.name)
    if not isinstance(model, Model):
        raise TypeError(f"{model!r} fulfils neither Model nor GeneratingModel of s2sdap.models.contract")
    return own_search(model, settings or SearchSettings())


def settings_for(model: Described, search: Mapping[str, Any], generation: Mapping[str, Any]) -> Settings:
    """The settings that a person wrote for `model`: under our names in Python's spelling, and its own."""
    if generates(model):
        return generation_settings(search, generation, model.name)
    if generation:
        raise S2sdapError("other_search", given="generation", wanted="search", model=model.name)
    return SearchSettings(**search)


def generates(model: Described) -> TypeGuard[GeneratingModel]:
    """Whether the model brings its own search."""
    return isinstance(model, GeneratingModel) and not isinstance(model, Model)
