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
    "listen": "s2sdap.attach.listening",
    "wait_for_client": "s2sdap.attach.listening",
    "is_client_connected": "s2sdap.attach.listening",
    "breakpoint": "s2sdap.attach.listening",
    "debug": "s2sdap.attach.debugging",
    "probe": "s2sdap.attach.probing",
}

__all__ = [
    "S2sdapError",
    "SearchSettings",
    "Session",
    "__version__",
    "breakpoint",
    "debug",
    "decode",
    "is_client_connected",
    "listen",
    "load_model",
    "probe",
    "score",
    "wait_for_client",
]

if TYPE_CHECKING:
    from s2sdap.attach.debugging import debug
    from s2sdap.attach.listening import breakpoint, is_client_connected, listen, wait_for_client  # noqa: A004
    from s2sdap.attach.probing import probe
    from s2sdap.debugger.session import Session
    from s2sdap.decoding.decode import decode, score
    from s2sdap.decoding.settings import SearchSettings
    from s2sdap.models.loading import load_model
    from s2sdap.vocabulary.errors import S2sdapError


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 's2sdap' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name]), name)  # `probe` stands in an inner loop
    return found
