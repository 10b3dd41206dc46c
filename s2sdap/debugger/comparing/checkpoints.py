"""The other checkpoints of a session: loaded when a comparison names them, and kept for the next one."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.models.contract import Described

KEPT: Final = 2
"""Checkpoints in memory beside the session's own: both sides of a comparison may name one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What to load, and how; see `models.loading`."""

    spec: str
    device: str = "cpu"
    dtype: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False


class Checkpoints:
    """Those that were asked for last."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Checkpoint, Described] = OrderedDict()

    def __contains__(self, wanted: Checkpoint) -> bool:
        return wanted in self._loaded

    def __getitem__(self, wanted: Checkpoint) -> "Described":
        """The model, loaded unless it is there. On the thread that owns the models."""
        found = self._loaded.get(wanted)
        if found is None:
            while len(self._loaded) >= KEPT:  # first, so that there is room for the new one
                self._loaded.popitem(last=False)
            found = self._loaded[wanted] = load(wanted)
        self._loaded.move_to_end(wanted)
        return found


def load(wanted: Checkpoint) -> "Described":
    """Load it, on the thread that owns the models. Raises `model_failed` for what its own code raises."""
    try:
        return load_model(
            wanted.spec,
            wanted.device,
            dtype=wanted.dtype,
            revision=wanted.revision,
            trust_remote_code=wanted.trust_remote_code,
        )
    except S2sdapError:
        raise
    except Exception as error:  # whatever a model's own loading raises is told, not lost
        reason = f"{type(error).__name__}: {error}"
        raise S2sdapError("model_failed", where=f"loading {wanted.spec}", reason=reason) from error
