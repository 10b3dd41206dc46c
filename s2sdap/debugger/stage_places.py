"""A stage as a breakpoint names it, whole or narrowed.

attention            whenever the decode comes to the attention stage
attention:L3.H2      the same; `attention`, `focus` and their like are of layer 3 and head 2
prediction@7         at step 7
prediction:"Haus"    where the token is `Haus`: the likeliest, and at the search stage the chosen one
search:"Haus"@7      both
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from s2sdap.debugger.tokens import resolve_token
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

if TYPE_CHECKING:
    from s2sdap.models.contract import Described, Layout

_WRITTEN: Final = re.compile(
    r"""\s*(?P<stage>[^:@"'\s]+)\s*
        (?::\s*(?P<heads>L\d+(?:\.H\d+)?|H\d+)\s*)?
        (?::\s*(?P<token>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*)?
        (?:@\s*(?P<step>\d{1,9})\s*)?""",
    re.VERBOSE,
)
_ESCAPED: Final = re.compile(r'(["\\])')
_ESCAPE: Final = r"\\\1"
_WITH_TOKEN: Final = (Stage.PREDICTION, Stage.SEARCH)
_NARROWED: Final = (Stage.ATTENTION, Stage.SEARCH, Stage.PREDICTION)


@dataclass(frozen=True, slots=True)
class StagePlace:
    """Where a stage breakpoint stops; what is `None` is not narrowed."""

    stage: Stage
    layer: int | None = None
    head: int | None = None
    step: int | None = None
    token: str | None = None

    def __str__(self) -> str:
        heads = ".".join(
            f"{letter}{at}" for letter, at in (("L", self.layer), ("H", self.head)) if at is not None
        )
        return (
            self.stage.value
            + (f":{heads}" if heads else "")
            + ("" if self.token is None else f':"{_ESCAPED.sub(_ESCAPE, self.token)}"')
            + ("" if self.step is None else f"@{self.step}")
        )


def parse_stage_place(written: str, model: "Described | None") -> StagePlace:
    """A place as people type it; `model` is there once it is loaded.

    Raises `unknown_stage` for a stage that the model lacks, `bad_stage_place` for a narrowing that it
    cannot mean.
    """
    layout = None if model is None else model.layout
    match = _WRITTEN.fullmatch(written)
    if match is None:
        name = re.split(r"[:@]", written.strip(), maxsplit=1)[0]
        stage_named(name, tuple(Stage) if layout is None else layout.stages)
        raise S2sdapError("bad_stage_place", written=written, reason="what follows the stage is no narrowing")
    stage = stage_named(match["stage"], tuple(Stage) if layout is None else layout.stages)
    layer = head = None
    if match["heads"]:
        layer, head = (_number(letter, match["heads"]) for letter in "LH")
        if stage not in _NARROWED:
            raise S2sdapError("bad_stage_place", written=written, reason=f"the {stage} stage has no heads")
        _check_heads(written, layer, head, layout)
    token = None
    if match["token"]:
        token = re.sub(r"\\(.)", r"\1", match["token"][1:-1])
        if stage not in _WITH_TOKEN:
            reason = f"there is no token yet at the {stage} stage; prediction and search have one"
            raise S2sdapError("bad_stage_place", written=written, reason=reason)
        if model is not None:
            token = model.target.piece(resolve_token(model.target, token))  # which may be given as `#12`
    step = int(match["step"]) if match["step"] else None
    if step is not None and stage is Stage.ENCODER:
        raise S2sdapError("bad_stage_place", written=written, reason="the encoder runs before every step")
    return StagePlace(stage, layer, head, step, token)


def stage_named(name: str, stages: Sequence[Stage]) -> Stage:
    """The stage called `name`, which must be one that the model has."""
    wanted = name.strip().lower()
    for stage in stages:
        if stage.value == wanted:
            return stage
    near = difflib.get_close_matches(wanted, [stage.value for stage in stages], n=1)
    nearest = f"; did you mean {near[0]!r}?" if near else ""
    raise S2sdapError("unknown_stage", stage=name, known=", ".join(stages), nearest=nearest)


def _number(letter: str, heads: str) -> int | None:
    found = re.search(rf"{letter}(\d+)", heads)
    return int(found[1]) if found else None


def _check_heads(written: str, layer: int | None, head: int | None, layout: "Layout | None") -> None:
    if layout is None:
        return
    if Stage.ATTENTION not in layout.stages:
        raise S2sdapError("bad_stage_place", written=written, reason="this model has no attention")
    sizes = dict(layout.sizes)
    heads = sizes.get("H", 1)
    # A recurrent network attends once a step, however many layers it has.
    by_layer = sites.ATTENTION_CONTEXTS in layout.sites or heads > 1
    for name, at, count in (("layers", layer, sizes.get("L", 1) if by_layer else 1), ("heads", head, heads)):
        if at is not None and at >= count:
            reason = f"its attention has {count} {name}, counted from 0"
            raise S2sdapError("bad_stage_place", written=written, reason=reason)
