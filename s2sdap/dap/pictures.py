"""Pictures that a client has asked for, kept so that they can be drawn on, and refined in the background."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from s2sdap.dap.progress import QUIET_SECONDS
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.neighbors.drawing import Scene
    from s2sdap.neighbors.projection import Layout, Refinement

KEPT: Final = 8
"""Pictures of a session that can be drawn on; the ones that were asked for longest ago are let go."""
SLICE: Final = 0.05
"""Seconds of refinement in one go, so that the process has a moment for others between."""


class Canvas:
    """The picture of one site: what it shows, where the points stand, and what refines it."""

    def __init__(self, scene: "Scene", begun: "Refinement | Layout") -> None:
        from s2sdap.neighbors.projection import Layout

        self.scene = scene
        self.refinement: Refinement | None = None if isinstance(begun, Layout) else begun
        self.layout: Layout = begun if isinstance(begun, Layout) else begun.layout()

    @property
    def done(self) -> bool:
        """Whether it is as it will be."""
        return self.refinement is None or self.refinement.done

    def refine(self, until: Callable[[], bool]) -> None:
        """Take steps until it is done, or `until` says so."""
        if self.refinement is None:
            return
        while not self.refinement.done and not until():
            self.refinement.advance()
        self.layout = self.refinement.layout()


class Drawn:
    """The answer to one request, and what was asked; `lock` is held by whoever changes it."""

    def __init__(self, number: int, asked: custom.ProjectionArguments) -> None:
        self.number = number
        self.asked = asked
        self.canvases: list[Canvas] = []
        self.lock = asyncio.Lock()

    @property
    def done(self) -> bool:
        """Whether all of it is as it will be."""
        return all(each.done for each in self.canvases)

    def refine(self, until: Callable[[], bool]) -> None:
        """Take steps of every picture in turn. In any thread."""
        for each in self.canvases:
            each.refine(until)

    def body(self) -> custom.ProjectionBody:
        """What it looks like now."""
        return custom.ProjectionBody(
            id=self.number,
            seed=self.asked.seed,
            space=self.asked.space,
            done=self.done,
            pictures=[_picture(each) for each in self.canvases],
        )


class Pictures:
    """Those of one session. All of it runs on the protocol's thread."""

    def __init__(self, emit: Callable[[str, Any], None]) -> None:
        self._emit = emit
        self._numbers = 0
        self._drawn: dict[int, Drawn] = {}
        self._refining: dict[int, asyncio.Task[None]] = {}

    def begin(self, asked: custom.ProjectionArguments) -> Drawn:
        """A new one. Ids only grow and are never used again."""
        self._numbers += 1
        return Drawn(self._numbers, asked)

    def get(self, number: int) -> Drawn:
        """The one of that id. Raises `stale_picture`."""
        if number not in self._drawn:
            raise S2sdapError("stale_picture", id=number)
        return self._drawn[number]

    def keep(self, drawn: Drawn) -> None:
        """It has been drawn, and can be drawn on from now on."""
        self._drawn.pop(drawn.number, None)
        self._drawn[drawn.number] = drawn
        for old in [*self._drawn][:-KEPT]:
            del self._drawn[old]
            self.rest(old)

    def refine(self, drawn: Drawn) -> None:
        """Refine it in the background, and say so."""
        if not drawn.done and drawn.number in self._drawn:
            self._refining[drawn.number] = asyncio.ensure_future(self._refine(drawn))

    def rest(self, number: int) -> None:
        """Refine it no more."""
        self._refining.pop(number, None)  # it sees that after the steps that it is taking

    def clear(self) -> None:
        """The session is another one, or over."""
        self._refining.clear()
        self._drawn.clear()

    async def _refine(self, drawn: Drawn) -> None:
        told = time.monotonic()
        mine = asyncio.current_task()
        while not drawn.done:
            async with drawn.lock:
                if self._refining.get(drawn.number) is not mine:
                    return
                await asyncio.to_thread(drawn.refine, _for_a_moment())
            if self._refining.get(drawn.number) is not mine:
                return
            if drawn.done or time.monotonic() > told + QUIET_SECONDS:
                told = time.monotonic()
                self._emit(custom.PROJECTED_EVENT, drawn.body())
        self.rest(drawn.number)


def _for_a_moment() -> Callable[[], bool]:
    end = time.monotonic() + SLICE
    return lambda: time.monotonic() > end


def _picture(canvas: Canvas) -> custom.PictureBody:
    layout, trusted, movement = canvas.layout, canvas.layout.faithfulness, canvas.layout.movement
    return custom.PictureBody(
        site=str(canvas.scene.site),
        method=layout.method,
        points=_points(canvas.scene, layout.keys, layout.points.tolist()),
        k=trusted.k,
        neighbors=canvas.scene.neighbors,
        refitted=layout.refitted,
        left_out=len(layout.left_out),
        steps=layout.steps,
        done=canvas.done,
        trustworthiness=trusted.trustworthiness,
        explained=None if trusted.explained is None else list(trusted.explained),
        divergence=trusted.divergence,
        moved=None if movement is None else movement.mean,
        moved_most=None if movement is None else movement.largest,
    )


def _points(
    scene: "Scene", keys: Sequence[tuple[str, str]], places: Sequence[Sequence[float]]
) -> list[custom.PointBody]:
    out = []
    for key, (x, y) in zip(keys, places, strict=True):
        dot = scene.dots[key]
        out.append(
            custom.PointBody(
                side=dot.hand or "neighbor",
                x=x,
                y=y,
                position=dot.position,
                piece=dot.piece,
                row=dot.row,
                sentence=dot.sentence,
                near=dot.near,
                distance=dot.distance,
            )
        )
    return out
