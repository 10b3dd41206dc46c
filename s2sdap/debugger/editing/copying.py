"""Copying numbers from another step or sentence: read now, and written into the edit."""

from collections.abc import Callable

from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.reading import Origin
from s2sdap.debugger.frames import Frame, no_index
from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES

Elsewhere = Callable[[Frame, Origin], Frame]
"""Finds the frame of an origin that is written at a frame; raises `nothing_to_copy`."""


def copied(
    frame: Frame, name: str, index: tuple[int | None, ...], origin: Origin, elsewhere: Elsewhere
) -> tuple[Edit, ...]:
    """The site at `frame` becomes what it is elsewhere.

    The same part of it, but for a site of the source, where `token` may name another position; or the
    training state that is among the nearest to it.
    """
    making.check_site(name)
    if origin.neighbor is not None:
        return _from_training(frame, name, index, origin)
    if not any((origin.sentence is not None, origin.step is not None, origin.token is not None)):
        raise S2sdapError("nothing_to_copy", site=name, where="here", reason="it is the same place")
    axes = SITES[name].axes.split()
    if origin.token is not None:
        if "S" not in axes or len(index) <= axes.index("S"):
            raise S2sdapError(
                "nothing_to_copy",
                site=name,
                where=f"token {origin.token}",
                reason="it is not one vector a token",
            )
        at = axes.index("S")
        from_index = (*index[:at], origin.token, *index[at + 1 :])
    else:
        from_index = index
    there = elsewhere(frame, origin)
    here = making.numbers_at(frame, name, index)
    numbers = making.numbers_at(there, name, from_index)
    if len(numbers) != len(here):
        shapes = tuple(there.site(name).shape), tuple(frame.site(name).shape)
        raise S2sdapError(
            "nothing_to_copy",
            site=name,
            where="there",
            reason=f"its shape is {shapes[0]}, and {shapes[1]} here",
        )
    return making.site(frame, name, numbers, index)


def _from_training(
    frame: Frame, name: str, index: tuple[int | None, ...], origin: Origin
) -> tuple[Edit, ...]:
    """The part of the site at `frame` becomes what one of its neighbours is in the index."""
    if origin != Origin(neighbor=origin.neighbor) or origin.neighbor is None:
        reason = "a neighbour is of a training sentence, so it takes no other place"
        raise S2sdapError("nothing_to_copy", site=name, where=f"neighbor {origin.neighbor}", reason=reason)
    if frame.training is None:
        raise no_index(frame.decode.model)
    return making.site(frame, name, frame.training.state_of(frame, name, index, origin.neighbor), index)
