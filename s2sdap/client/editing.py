"""Changing what a stop shows: every verb runs a step again with the change, on a new branch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from s2sdap.client.reading import Reading
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies, custom

T = TypeVar("T")


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

    async def attend(
        self,
        words: Mapping[str, float],
        *,
        layer: int | None = None,
        head: int | None = None,
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """Attend to words of the source: `{"heute": 0.7, "morgen#2": 0.2, "[5]": 0.1}`.

        A word's weight is shared by its pieces, and what is left of 1 by all the other tokens, in
        proportion to the weights before.
        """
        shares = {word: float(weight) for word, weight in words.items()}
        return await self._edit(custom.EditArguments(frame_id=frame_id, words=shares, layer=layer, head=head))

    async def prefix(
        self, prefix: str | Sequence[str | int], *, frame_id: int | None = None
    ) -> custom.EditBody:
        """The hypothesis begins with this text, or these tokens, from step 0 on."""
        wanted = prefix if isinstance(prefix, str) else list(prefix)
        return await self._edit(custom.EditArguments(frame_id=frame_id, prefix=wanted))

    async def set_state(self, values: Sequence[float], *, frame_id: int | None = None) -> custom.EditBody:
        """Replace the decoder state of the cursor's step."""
        return await self.edit_site("decoder.state", values, frame_id=frame_id)

    async def zero(
        self, site: str = "decoder.state", *, index: Sequence[int | None] = (), frame_id: int | None = None
    ) -> custom.EditBody:
        """Replace a tensor, or the part of it that `index` names, by zeros."""
        return await self._edit(
            custom.EditArguments(frame_id=frame_id, site=site, index=list(index), zero=True)
        )

    async def copy_state(
        self,
        step: int | None = None,
        *,
        sentence: int | None = None,
        hypothesis: int | None = None,
        token: int | None = None,
        neighbor: int | None = None,
        site: str = "decoder.state",
        index: Sequence[int | None] = (),
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """Replace a tensor by what it is at another step, or in another sentence of the session.

        Or by the training state that is among the nearest to it: `neighbor=0` is the nearest.
        """
        origin = custom.CopiedFrom(sentence, step, hypothesis, token, neighbor)
        return await self._edit(
            custom.EditArguments(frame_id=frame_id, site=site, index=list(index), copy=origin)
        )

    async def ban(self, *tokens: str | int, frame_id: int | None = None) -> custom.EditBody:
        """The hypothesis cannot take these tokens at the cursor's step."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, ban=list(tokens)))

    async def boost(self, token: str | int, nats: float, *, frame_id: int | None = None) -> custom.EditBody:
        """Add so many nats to the logit of a token at the cursor's step."""
        name = f"#{token}" if isinstance(token, int) else token
        return await self._edit(custom.EditArguments(frame_id=frame_id, boost={name: float(nats)}))

    async def prune(self, hypothesis: int, *, frame_id: int | None = None) -> custom.EditBody:
        """The hypothesis goes no further."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, prune=hypothesis))

    async def revive(
        self,
        hypothesis: int | None = None,
        token: str | int | None = None,
        *,
        candidate: int | None = None,
        frame_id: int | None = None,
    ) -> custom.EditBody:
        """The continuation of a hypothesis by a token, or a candidate of the step, gets a place."""
        revived = custom.RevivedBody(hypothesis, token, candidate)
        return await self._edit(custom.EditArguments(frame_id=frame_id, revive=revived))

    async def set_settings(self, /, *, frame_id: int | None = None, **settings: Any) -> custom.EditBody:
        """Settings of the search from the cursor's step on, by their names in a launch."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, settings=settings))

    async def set_source(self, text: str, *, frame_id: int | None = None) -> custom.EditBody:
        """The sentence reads `text`: a decode side by side with the one of the sentence as it stands."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, source=text))

    async def command(self, line: str, *, frame_id: int | None = None) -> custom.EditBody:
        """A line of the debug console, such as `ban "Haus"`; `text` of the answer is what it says."""
        return await self._edit(custom.EditArguments(frame_id=frame_id, command=line))

    async def set_variable(self, reference: int, name: str, value: str) -> bodies.SetVariableBody:
        """Change a variable behind a reference, as an editor's variables pane does."""
        wanted = args.SetVariable(reference, name, value)
        return await self._set("setVariable", wanted, bodies.SetVariableBody)

    async def set_expression(
        self, expression: str, value: str, *, frame_id: int | None = None
    ) -> bodies.SetExpressionBody:
        """Change what an expression names, as an editor's watch pane does."""
        wanted = args.SetExpression(expression, value, frame_id)
        return await self._set("setExpression", wanted, bodies.SetExpressionBody)

    async def evaluate(
        self, expression: str, *, frame_id: int | None = None, context: str = "watch"
    ) -> bodies.EvaluateBody:
        """The value of an expression at a frame, by default the cursor's; `repl` takes commands too."""
        if context != "repl":
            return await super().evaluate(expression, frame_id=frame_id, context=context)
        return await self._set("evaluate", args.Evaluate(expression, frame_id, context), bodies.EvaluateBody)

    async def _set(self, command: str, wanted: Any, kind: type[T]) -> T:
        """Change what an editor changes. The answer is the protocol's own, so where it led is asked for."""
        since = self.connection.mark
        answer = await self.connection.ask(command, wanted, kind)
        hypothesis = (await self.step(top=1)).hypothesis
        if gone := self.connection.events("continued", since=since):  # before the step was told
            await self._stop_since(gone[0].index, None)
        else:
            self._follow(hypothesis)
        return answer

    async def _edit(self, edit: custom.EditArguments) -> custom.EditBody:
        return await self._change(custom.EDIT, edit)

    async def _change(self, command: str, wanted: Any) -> custom.EditBody:
        """Ask for what leads to another branch, and stand there."""
        since = self.connection.mark
        answer = await self.connection.ask(command, wanted, custom.EditBody)
        if answer.moved:
            gone = await self.connection.wait_for("continued", since=since)
            await self._stop_since(gone.index, None)
        else:
            self._follow(answer.hypothesis)
        return answer

    def _follow(self, hypothesis: int) -> None:
        """A new branch has other hypotheses, with ids of their own."""
        self._followed = hypothesis
        if self.stop is not None:
            self.stop = replace(self.stop, hypothesis=hypothesis)
