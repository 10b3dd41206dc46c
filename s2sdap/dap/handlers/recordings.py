"""A session in a file: saving the one that is launched, and running a recording again."""

import math
import os
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.session_file.differences import Difference
    from s2sdap.debugger.session_file.post_mortem import Recording
    from s2sdap.debugger.session_file.replay import BranchReplay, Replay
    from s2sdap.models.contract import Described


@handles(custom.SAVE, custom.SaveArguments, When.LAUNCHED)
async def save(adapter: Adapter, arguments: custom.SaveArguments) -> Reply:
    """Write the session to a file; also after its end. Meanwhile nothing else looks at it."""
    from s2sdap.dap.recorded_breakpoints import told
    from s2sdap.debugger.session_file.write import save as write

    session = adapter.need_session()
    if adapter.calls is not None and adapter.state is State.ENDED:
        raise S2sdapError("ended")
    if adapter.state not in (State.STOPPED, State.ENDED) or adapter.editing:
        raise S2sdapError("running", request=custom.SAVE)
    path = _whole(arguments.path)
    breakpoints = told(adapter.requested)
    progress = adapter.progress.begin("Saving the session")
    try:
        saved = await adapter.edit(
            lambda: write(session, path, sites=arguments.sites, breakpoints=breakpoints)
        )
    finally:
        adapter.progress.end(progress)
    return Reply(
        custom.SaveBody(path=saved.path, size=saved.size, sentences=saved.sentences, steps=saved.steps)
    )


@handles(custom.REPLAY, custom.ReplayArguments, When.LAUNCHED)
async def replay(adapter: Adapter, arguments: custom.ReplayArguments) -> Reply:
    """Run a recording again, branch by branch: other sessions have their turns between."""
    progress = adapter.progress.begin("Replaying the recording")
    try:
        recording = await adapter.on_model_thread(lambda: _recording(adapter, arguments.path))
        model = await adapter.on_model_thread(lambda: recording.load(arguments.model))
        found = await _run(adapter, recording, model)
    finally:
        adapter.progress.end(progress)
    return Reply(replay_body(found))


async def _run(adapter: Adapter, recording: "Recording", model: "Described") -> "Replay":
    from s2sdap.debugger.session_file.replay import replay_of, replays

    branches = replays(recording, model, lambda: adapter.let_go)
    done: list[BranchReplay] = []
    while (branch := await adapter.on_model_thread(lambda: next(branches, None))) is not None:
        done.append(branch)
    return replay_of(recording, model, tuple(done))


def _recording(adapter: Adapter, path: str | None) -> "Recording":
    from s2sdap.debugger.session_file.post_mortem import Recording, open_recording

    if path is not None:
        return open_recording(_whole(path))
    if not isinstance(adapter.session, Recording):
        raise S2sdapError("no_recording")
    return adapter.session


def _whole(path: str) -> str:
    """A path from the root: nobody knows in which folder an adapter was started."""
    if not os.path.isabs(path):
        raise S2sdapError("relative_path", path=path)
    return path


def replay_body(found: "Replay") -> custom.ReplayBody:
    """A replay as the protocol tells it."""
    return custom.ReplayBody(
        same_model=found.same_model,
        identical=found.identical,
        recorded_model=found.recorded_model,
        recorded_fingerprint=found.recorded_fingerprint,
        model=found.model,
        fingerprint=found.fingerprint,
        text=found.text,
        branches=[_branch_body(each) for each in found.branches],
    )


def _branch_body(branch: "BranchReplay") -> custom.BranchReplayBody:
    return custom.BranchReplayBody(
        sentence=branch.sentence,
        branch=branch.branch,
        name=branch.name,
        steps=branch.steps,
        text=branch.text,
        first=_difference_body(branch.first),
        parted=_difference_body(branch.parted),
        widest={name: _finite(value) for name, value in branch.widest},
        recorded=branch.recorded,
        replayed=branch.replayed,
    )


def _difference_body(difference: "Difference | None") -> custom.DifferenceBody | None:
    if difference is None:
        return None
    return custom.DifferenceBody(
        step=difference.step,
        kind=difference.kind,
        name=difference.name,
        text=difference.text,
        recorded=difference.recorded or None,
        replayed=difference.replayed or None,
        largest=_finite(difference.largest),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


FAMILY = (save, replay)
