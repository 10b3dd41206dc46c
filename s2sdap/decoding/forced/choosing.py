"""How the sentences of a model are forced, by what the model is."""

from s2sdap.decoding.forced.rows import Forcing
from s2sdap.decoding.forced.stepped import SteppedForcing
from s2sdap.decoding.generation.settings import GenerationSettings, changed, generation_settings
from s2sdap.decoding.planning import Settings, generates
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Described, Model
from s2sdap.vocabulary.errors import S2sdapError


def forcing_for(model: Described, settings: Settings | None = None) -> Forcing:
    """The way in which `model` is forced, under settings of its kind, by default its own.

    Raises:
        S2sdapError: `no_extraction` for what only shows what it has computed: a module of somebody's own
            loop, a recording; `other_search` for settings of another kind.
    """
    if generates(model):
        return _of_library(model, settings)
    if isinstance(model, Model):
        if settings is not None and not isinstance(settings, SearchSettings):
            raise S2sdapError("other_search", given="generation", wanted="search", model=model.name)
        return SteppedForcing.of(model, settings or SearchSettings())
    raise S2sdapError("no_extraction", model=model.name, reason="it cannot be run on a text of ours")


def _of_library(model: Described, settings: Settings | None) -> Forcing:
    from s2sdap.decoding.generation.forced import GenerateForcing  # noqa: PLC0415 - imports transformers
    from s2sdap.models.huggingface.face import HuggingFaceModel  # noqa: PLC0415 - imports transformers

    if not isinstance(model, HuggingFaceModel):
        raise S2sdapError(
            "no_extraction", model=model.name, reason="only transformers' own decode is known here"
        )
    if isinstance(settings, SearchSettings):
        settings = generation_settings(changed(settings), {}, model.name)
    return GenerateForcing(model, settings or GenerationSettings())
