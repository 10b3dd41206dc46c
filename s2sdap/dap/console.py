"""The debug console: a line is a command or an expression, and only commands change anything."""

from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply
from s2sdap.dap.training import asks_training, opened
from s2sdap.protocol import bodies
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import utf16_length

if TYPE_CHECKING:
    from s2sdap.debugger.editing.console import Outcome
    from s2sdap.debugger.frames import Frame


def is_command(line: str) -> bool:
    """Whether a line of the console is a command."""
    from s2sdap.debugger.editing.commands import command_word

    return command_word(line) is not None


async def command(adapter: Adapter, frame: "Frame", line: str) -> Reply:
    """Do what the line says."""
    from s2sdap.debugger.editing.console import run

    session = adapter.need_session()
    if asks_training(adapter, line):
        await opened(adapter)
    outcome = await adapter.edit(lambda: run(session, frame, line))
    return Reply(
        bodies.EvaluateBody(result=outcome.text, variables_reference=0), lambda: tell(adapter, outcome)
    )


def tell(adapter: Adapter, outcome: "Outcome") -> None:
    """Tell the client to look again, or of another stop, if something has changed."""
    if outcome.stop is not None:
        adapter.edited(outcome.stop)


def refuse_misspelt(line: str) -> None:
    """Refuse a line that looks like a command with a slip in its word, and say which."""
    from s2sdap.debugger.editing.commands import misspelt_command

    near = misspelt_command(line)
    if near is not None:
        raise S2sdapError(
            "edit_syntax",
            column=len(line) - len(line.lstrip()) + 1,
            reason=f"{line.split(maxsplit=1)[0]!r} is no command; did you mean `{near}`?",
        )


def command_completions(adapter: Adapter, frame: "Frame | None", before: str) -> list[bodies.CompletionBody]:
    """Commands that begin like the line, and what may follow one."""
    from s2sdap.debugger.editing.completing import complete

    return [
        bodies.CompletionBody(
            label=each.text,
            detail=each.detail,
            type="keyword" if " " not in before.strip() else "value",
            start=adapter.counting.column(
                utf16_length(before) - utf16_length(before[len(before) - each.length :])
            ),
            length=utf16_length(before[len(before) - each.length :]),
        )
        for each in complete(before, frame)
    ]
