"""Changing what a stop shows: every verb runs a step again with the change, on a new branch."""

from collections.abc import Sequence
from dataclasses import replace

from s2sdap.client.reading import Reading
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies, custom


class Editing(Reading):
    """The verbs that edit."""

    async def force(self, token: str | int, *, frame_id: int | None = None) -> custom.EditBody:
        """Take `token` (a piece, `"#12"` or 12) in place of the one chosen at the cursor's step."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, token=token))

    async def edit_attention(
        self,
        position: int,
        weight: float,
        *,
        layer: int | None = None,
        head: int | None = None,
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """Put `weight` on the source token at `position`; the others fill the rest in proportion."""
        return await self._edit(
            custom.EditArguments(frame_id=frame_id, position=position, weight=weight, layer=layer, head=head)
        )

    async def set_attention(
        self,
        weights: Sequence[float],
        *,
        layer: int | None = None,
        head: int | None = None,
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """Replace the attention row by `weights`, scaled to sum to 1."""
        numbers = [float(weight) for weight in weights]
        return await self._edit(
            custom.EditArguments(frame_id=frame_id, weights=numbers, layer=layer, head=head)
        )

    async def edit_site(
        self,
        site: str,
        values: Sequence[float],
        *,
        index: Sequence[int | None] = (),
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """Replace the tensor at `site`, or the part of it that `index` names."""
        numbers = [float(value) for value in values]
        return await self._edit(
            custom.EditArguments(frame_id=frame_id, site=site, values=numbers, index=list(index))
        )

    async def set_variable(self, reference: int, name: str, value: str) -> bodies.SetVariableBody:
        """Change a variable behind a reference, as an editor's variables pane does."""
        wanted = args.SetVariable(reference, name, value)
        answer = await self.connection.ask("setVariable", wanted, bodies.SetVariableBody)
        self._follow((await self.step(top=1)).hypothesis)
        return answer

    async def _edit(self, edit: custom.EditArguments) -> custom.EditBody:
        answer = await self.connection.ask(custom.EDIT, edit, custom.EditBody)
        self._follow(answer.hypothesis)
        return answer

    def _follow(self, hypothesis: int) -> None:
        """An edit leads to a new branch, whose hypotheses may have other ids."""
        self._followed = hypothesis
        if self.stop is not None:
            self.stop = replace(self.stop, hypothesis=hypothesis)
