"""`probe`: a tensor that a person's own forward shows, at the place where it is computed. Free of torch."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Watching(Protocol):
    """What looks at the run in progress."""

    def probed(self, site: str, axes: str | None, value: "Tensor") -> "Tensor":
        """The tensor to go on with."""
        ...


class _Here(threading.local):
    watching: Watching | None = None


_here: Final = _Here()


def probe(site: str, tensor: "Tensor", axes: str | None = None) -> "Tensor":
    """Show `tensor` as `site`; returns the tensor to go on with.

    That is `tensor` itself unless a person edited it. Where no call is debugged it costs next to nothing.

    Args:
        site: one of the vocabulary's, such as `attention.weights`.
        tensor: what the forward has computed.
        axes: a letter for each axis, such as `KHTS`: K rows, T target positions, of which the last is shown,
            and the letters of the site. By default told by the number of axes.
    """
    watching = _here.watching
    return tensor if watching is None else watching.probed(site, axes, tensor)


@contextmanager
def watched_by(watching: Watching) -> Iterator[None]:
    """Show the probes of this thread to `watching`, for a while."""
    before, _here.watching = _here.watching, watching
    try:
        yield
    finally:
        _here.watching = before
