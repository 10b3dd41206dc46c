"""Time travel: any computed step, branches, undo and redo."""

from s2sdap.client.recordings import Recordings
from s2sdap.client.views import StopView
from s2sdap.protocol import arguments as args
from s2sdap.protocol import custom


class Branching(Recordings):
    """The verbs that go back, and over branches."""

    async def branches(self) -> list[custom.BranchBody]:
        """The branches of the sentence at the cursor."""
        return (await self.connection.ask(custom.BRANCHES, None, custom.BranchesBody)).branches

    async def switch_branch(self, branch: int) -> custom.EditBody:
        """Stand on another branch: at the same position, or the nearest that is computed there."""
        return await self._change(custom.SWITCH_BRANCH, custom.BranchArguments(branch=branch))

    async def name_branch(self, branch: int, name: str) -> list[custom.BranchBody]:
        """Call a branch by a name."""
        wanted = custom.NameBranchArguments(branch=branch, name=name)
        return (await self.connection.ask(custom.NAME_BRANCH, wanted, custom.BranchesBody)).branches

    async def drop_branch(self, branch: int) -> list[custom.BranchBody]:
        """Let a branch go. The current one and the one without edits stay."""
        wanted = custom.BranchArguments(branch=branch)
        return (await self.connection.ask(custom.DROP_BRANCH, wanted, custom.BranchesBody)).branches

    async def undo(self) -> custom.EditBody:
        """Back to the branch and the position before the last edit."""
        return await self._change(custom.UNDO, None)

    async def redo(self) -> custom.EditBody:
        """Forward to the branch of the edit that was undone last."""
        return await self._change(custom.REDO, None)

    async def goto(self, step: int, stage: str | None = None, *, timeout: float | None = None) -> StopView:
        """To a computed step of the current branch, -1 for the encoder; by default its last stage."""
        return await self._run(custom.GOTO, custom.GotoStepArguments(step=step, stage=stage), timeout)

    async def restart_frame(self, frame_id: int, *, timeout: float | None = None) -> StopView:
        """To where the step of a frame begins, with its hypothesis."""
        return await self._run("restartFrame", args.RestartFrame(frame_id=frame_id), timeout)
