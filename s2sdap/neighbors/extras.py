"""The packages of the extras `neighbors` and `scale`: imported when they are used, with one refusal."""

import importlib
from types import ModuleType
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

_OF_SCALE: Final = ("ray", "lance_ray")


def required(module: str) -> ModuleType:
    """The module of an optional package, `lance` or `sklearn.manifold`. Raises `neighbors_missing`."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        extra = "scale" if package in _OF_SCALE else "neighbors"
        raise S2sdapError("neighbors_missing", package=package, extra=extra, reason=error) from None
