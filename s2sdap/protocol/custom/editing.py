"""Changing what a stop shows."""

from typing import Final

from s2sdap.protocol.arguments import Arguments as _Camel

EDIT = "s2s/edit"


class EditArguments(_Camel):
    """`s2s/edit`: give `token`; or `weights`; or `position` and `weight`; or `site` and `values`."""

    frame_id: int | None = None
    thread_id: int | None = None
    token: str | int | None = None
    weights: list[float] | None = None
    position: int | None = None
    weight: float | None = None
    layer: int | None = None
    head: int | None = None
    site: str | None = None
    values: list[float] | None = None
    index: list[int | None] | None = None


class EditBody(_Camel):
    """Answer to `s2s/edit`: where the new branch stands."""

    branch: int
    step: int
    hypothesis: int


_MESSAGES: Final = ((EDIT, EditArguments, EditBody),)
_PARTS: Final = ()
