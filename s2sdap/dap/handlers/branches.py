"""Time travel: any computed step, the branches that edits have grown, and the way back over the edits."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.debugger.stops import Stop
from s2sdap.protocol import bodies, custom
from s2sdap.protocol.arguments import Goto, GotoTargets, Nothing, RestartFrame

if TYPE_CHECKING:
    from s2sdap.debugger.branches import Branch
    from s2sdap.debugger.session import Session

TARGETS = 1000
"""Places to go to that one answer carries at most: the latest steps."""


@handles("gotoTargets", GotoTargets, When.STOPPED, supportsGotoTargetsRequest=True)
def goto_targets(adapter: Adapter, arguments: GotoTargets) -> Reply:
    """The encoder and the computed steps of the sentence, where the line is its own."""
    session = adapter.need_session()
    line = adapter.counting.own_line(arguments.line)
    if not session.walk.placed or session.walk.sentence.line != line:
        return Reply(bodies.GotoTargetsBody(targets=[]))
    shown = [
        bodies.GotoTargetBody(id=adapter.targets.add((branch, step)), label=label, line=arguments.line)
        for branch, step, label in _targets(session)
    ]
    return Reply(bodies.GotoTargetsBody(targets=shown))


@handles("goto", Goto, When.STOPPED)
def goto(adapter: Adapter, arguments: Goto) -> Reply:
    """To a target; the stop follows as an event."""
    session = adapter.need_session()
    branch, step = adapter.targets.get(arguments.target_id)
    if branch != session.walk.branch.id:  # an edit or a switch came between
        session.switch(branch)
    stop = session.goto(step)
    return Reply(then=lambda: adapter.moved(stop))


@handles("restartFrame", RestartFrame, When.STOPPED, supportsRestartFrame=True)
def restart_frame(adapter: Adapter, arguments: RestartFrame) -> Reply:
    """To where the step of a frame begins, with its hypothesis."""
    stop = adapter.need_session().restart_frame(adapter.frames.get(arguments.frame_id))
    return Reply(then=lambda: adapter.moved(stop))


@handles(custom.GOTO, custom.GotoStepArguments, When.STOPPED)
def goto_step(adapter: Adapter, arguments: custom.GotoStepArguments) -> Reply:
    """To a step by its number."""
    session = adapter.need_session()
    stop = session.goto(arguments.step, arguments.stage)
    at = session.cursor
    body = custom.GotoStepBody(step=at.step, stage=at.stage.value, hypothesis=at.hypothesis)
    return Reply(body, lambda: adapter.moved(stop, asked=False))


@handles(custom.BRANCHES, Nothing, When.STOPPED)
def branches(adapter: Adapter, arguments: Nothing) -> Reply:
    """The branches of the sentence at the cursor."""
    return Reply(_listed(adapter.need_session()))


@handles(custom.SWITCH_BRANCH, custom.BranchArguments, When.STOPPED)
async def switch_branch(adapter: Adapter, arguments: custom.BranchArguments) -> Reply:
    """Stand on another branch."""
    session = adapter.need_session()
    return await _changed(adapter, lambda: session.switch(arguments.branch))


@handles(custom.NAME_BRANCH, custom.NameBranchArguments, When.STOPPED)
def name_branch(adapter: Adapter, arguments: custom.NameBranchArguments) -> Reply:
    """Call a branch by a name."""
    session = adapter.need_session()
    session.name_branch(arguments.branch, arguments.name)
    return Reply(_listed(session))


@handles(custom.DROP_BRANCH, custom.BranchArguments, When.STOPPED)
def drop_branch(adapter: Adapter, arguments: custom.BranchArguments) -> Reply:
    """Let a branch go."""
    session = adapter.need_session()
    session.drop_branch(arguments.branch)
    return Reply(_listed(session))


@handles(custom.UNDO, Nothing, When.STOPPED)
async def undo(adapter: Adapter, arguments: Nothing) -> Reply:
    """Back to before the last edit."""
    return await _changed(adapter, adapter.need_session().undo)


@handles(custom.REDO, Nothing, When.STOPPED)
async def redo(adapter: Adapter, arguments: Nothing) -> Reply:
    """Forward to the edit that was undone last."""
    return await _changed(adapter, adapter.need_session().redo)


async def _changed(adapter: Adapter, change: Callable[[], Stop]) -> Reply:
    session = adapter.need_session()
    stop = await adapter.edit(change)
    at = session.cursor
    body = custom.EditBody(
        branch=at.branch, step=at.step, hypothesis=at.hypothesis, moved=adapter.elsewhere(stop)
    )
    return Reply(body, lambda: adapter.edited(stop))


def _targets(session: "Session") -> list[tuple[int, int, str]]:
    """Branch, step and label of every place there is, in their order."""
    branch = session.walk.branch
    ends = (*branch.tip.finished, *branch.tip.live)
    followed = next((each for each in ends if each.id == session.cursor.hypothesis), ends[0])
    piece = session.target.piece
    chosen = {node.step: piece(node.token) for node in followed.path()}
    steps = range(len(branch.records))
    places = [(branch.id, -1, "encoder")] if session.walk.has_encoder else []
    for step in steps[-TARGETS:]:
        label = f"step {step}: {chosen[step]!r}" if step in chosen else f"step {step}"
        places.append((branch.id, step, label))
    return places


def _listed(session: "Session") -> custom.BranchesBody:
    return custom.BranchesBody(branches=[_body(session, each) for each in session.branches])


def _body(session: "Session", branch: "Branch") -> custom.BranchBody:
    from s2sdap.debugger.edit_lists import told

    result = session.walk.result_of(branch)
    best = result.outputs[0] if result is not None and result.outputs else None
    return custom.BranchBody(
        id=branch.id,
        name=branch.name,
        parent=branch.parent,
        fork=branch.fork,
        current=branch is session.walk.branch,
        edits=[told(edit, branch.plan.model.target.piece) for edit in branch.edits],
        steps=len(branch.records),
        output=None if best is None else best.text,
        score=None if best is None else best.final,
        source=None if branch.source is None else branch.source.text,
        error=None if branch.error is None else str(branch.error),
    )


FAMILY = (
    goto_targets,
    goto,
    restart_frame,
    goto_step,
    branches,
    switch_branch,
    name_branch,
    drop_branch,
    undo,
    redo,
)
