"""s2sdap: a debugger for the decode of sequence-to-sequence models.

The face of the package. Names are imported on first use, so that `import s2sdap` and the scripted
client stay free of torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Session": "s2sdap.debugger.session",
    "load_model": "s2sdap.models.loading",
    "SearchSettings": "s2sdap.decoding.settings",
    "decode": "s2sdap.decoding.decode",
    "score": "s2sdap.decoding.decode",
    "S2sdapError": "s2sdap.vocabulary.errors",
}

__all__ = ["S2sdapError", "SearchSettings", "Session", "__version__", "decode", "load_model", "score"]

if TYPE_CHECKING:
    from s2sdap.debugger.session import Session
    from s2sdap.decoding.decode import decode, score
    from s2sdap.decoding.settings import SearchSettings
    from s2sdap.models.loading import load_model
    from s2sdap.vocabulary.errors import S2sdapError


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 's2sdap' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
