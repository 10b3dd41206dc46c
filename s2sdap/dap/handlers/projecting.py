"""States drawn in the plane. Nothing of it changes the session."""

from typing import TYPE_CHECKING

import msgspec

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.aside import Word
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.comparing import found_sides
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.dap.pictures import Canvas, Drawn
from s2sdap.dap.training import looked_for, opened
from s2sdap.dap.turns import in_turns
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.frames import Frame
    from s2sdap.debugger.neighbors.drawing import Hand, Trajectory
    from s2sdap.debugger.neighbors.index import OpenIndex
    from s2sdap.models.tokens import TargetVocabulary
    from s2sdap.neighbors.projection import Method
    from s2sdap.neighbors.projection.layout import Space
    from s2sdap.neighbors.states import StateSite

_TITLE = "Drawing states"


@handles(custom.PROJECTION, custom.ProjectionArguments, When.STOPPED)
async def projection(adapter: Adapter, arguments: custom.ProjectionArguments) -> Reply:
    """The trajectory of the decode at each site, among its neighbours."""
    drawn = adapter.pictures.begin(arguments)
    if arguments.id is not None:
        drawn = adapter.pictures.get(arguments.id)
        drawn.asked = msgspec.structs.replace(drawn.asked, wait=arguments.wait)
    method, space = _checked(drawn.asked)
    session = adapter.need_session()
    index = None
    if session.training is not None and session.training.problem is None:
        index = await opened(adapter)
    frame = frame_at(adapter, None)
    target = session.target
    paths = await _paths(adapter, drawn.asked, _sites(frame, drawn.asked, index))
    adapter.pictures.rest(drawn.number)
    async with drawn.lock:
        drawn.canvases = await looked_for(
            adapter,
            lambda word: _canvases(drawn, paths, index, method, space, target, word),
            _TITLE,
            custom.PROJECTION,
        )
        if drawn.asked.wait:
            await looked_for(adapter, lambda word: drawn.refine(word.cancelled), _TITLE, custom.PROJECTION)
    adapter.pictures.keep(drawn)
    return Reply(drawn.body(), lambda: adapter.pictures.refine(drawn))


def _checked(asked: custom.ProjectionArguments) -> "tuple[Method, Space]":
    """The method and the space. Raises `projection_method` or `bad_arguments`."""
    from s2sdap.debugger.neighbors.drawing import MOST_NEIGHBORS
    from s2sdap.neighbors.projection import method_named

    def refusal(reason: str) -> S2sdapError:
        return S2sdapError("bad_arguments", command=custom.PROJECTION, reason=reason)

    if asked.space not in ("l2", "cosine"):
        raise refusal("`space` is l2 or cosine")
    if not 0 <= asked.k <= MOST_NEIGHBORS:
        raise refusal(f"`k` is a number from 0 to {MOST_NEIGHBORS}")
    if not 0 <= asked.seed < 2**63:
        raise refusal("`seed` is a number from 0")
    return method_named(asked.method), "cosine" if asked.space == "cosine" else "l2"


def _sites(frame: "Frame", asked: custom.ProjectionArguments, index: "OpenIndex | None") -> "list[StateSite]":
    """The sites that are named, or that of the frame's stage."""
    from s2sdap.debugger.neighbors.places import sites_here, states_of
    from s2sdap.neighbors.states import StateSite

    if asked.sites:
        return list(dict.fromkeys(map(StateSite.parse, asked.sites)))
    here = sites_here(frame, states_of(frame) if index is None else index.sites)
    if not here:
        raise S2sdapError("no_such_site", site=f"state of the {frame.stage} stage")
    return [here[0]]


async def _paths(
    adapter: Adapter, asked: custom.ProjectionArguments, sites: "list[StateSite]"
) -> "list[tuple[StateSite, list[Trajectory]]]":
    """The trajectories of each site: of the cursor's decode or the left one, and of the right one."""
    from s2sdap.debugger.comparing.sides import finish
    from s2sdap.debugger.neighbors.drawing import check_same_space, frames_of_run, trajectory

    here = frame_at(adapter, None)
    decodes: dict[Hand, list[Frame]] = {"left": adapter.need_session().frames()[::-1]}
    sides: dict[Hand, custom.SideArguments | None] = {"left": asked.left, "right": asked.right}
    for hand, side in sides.items():
        if side is None:
            continue
        (found,) = await found_sides(adapter, side)
        run = await in_turns(adapter, finish(found), f"Decoding {found.label}")
        check_same_space(run, here)
        decodes[hand] = frames_of_run(run, here.sentence)
    return [(site, [trajectory(hand, frames, site) for hand, frames in decodes.items()]) for site in sites]


def _canvases(
    drawn: Drawn,
    paths: "list[tuple[StateSite, list[Trajectory]]]",
    index: "OpenIndex | None",
    method: "Method",
    space: "Space",
    target: "TargetVocabulary",
    word: Word,
) -> list[Canvas]:
    """The picture of each site, begun where the last one stands."""
    from s2sdap.debugger.neighbors.drawing import scene_of
    from s2sdap.neighbors.projection import refinement

    before = {each.scene.site: each for each in drawn.canvases}
    out = []
    for site, trajectories in paths:
        last = before.get(site)
        scene = scene_of(site, trajectories, index, drawn.asked.k, target, word.cancelled)
        if last is not None and {*last.scene.dots} == {*scene.dots}:
            last.scene = scene  # nothing has come or gone, but a token may have been chosen
            out.append(last)
            continue
        previous = None if last is None else last.layout
        begun = refinement(scene.groups, method, drawn.asked.seed, previous, space=space)
        out.append(Canvas(scene, begun))
    return out


FAMILY = (projection,)
