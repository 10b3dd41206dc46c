"""Changing what is shown. Every door leads to the same code: `debugger.editing`."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.console import tell
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.dap.training import asks_training, opened
from s2sdap.protocol import bodies, custom
from s2sdap.protocol.arguments import Nothing, SetExpression, SetVariable
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.descriptions import Description
    from s2sdap.debugger.editing.console import Outcome
    from s2sdap.debugger.editing.places import Place
    from s2sdap.debugger.frames import Frame


@handles("setVariable", SetVariable, When.STOPPED, supportsSetVariable=True)
async def set_variable(adapter: Adapter, arguments: SetVariable) -> Reply:
    """An edit: the step runs again with the value, on a new branch."""
    container = adapter.containers.get(arguments.variables_reference)
    if container.slow:
        raise S2sdapError("not_editable", name=arguments.name)
    item = child_of(container.children().page, container.children().count, arguments.name)
    place, frame = item.edit, container.frame
    if place is None or frame is None:
        raise S2sdapError("not_editable", name=arguments.name)
    value, then = await _set(adapter, lambda: (frame, place), arguments.value)
    return Reply(bodies.SetVariableBody(value=value), then)


@handles("setExpression", SetExpression, When.STOPPED, supportsSetExpression=True)
async def set_expression(adapter: Adapter, arguments: SetExpression) -> Reply:
    """The same for a place that an expression names."""
    from s2sdap.debugger.editing.left_sides import whole_place

    frame = frame_at(adapter, arguments.frame_id)
    value, then = await _set(
        adapter, lambda: (frame, whole_place(arguments.expression, frame)), arguments.value
    )
    return Reply(bodies.SetExpressionBody(value=value), then)


async def _set(
    adapter: Adapter, find: "Callable[[], tuple[Frame, Place]]", written: str
) -> tuple[str, Callable[[], None]]:
    """Set a place. Returns what it shows now, and what is left to tell the client."""
    from s2sdap.debugger.editing.console import set_place
    from s2sdap.debugger.editing.shown import value_after

    session = adapter.need_session()
    if asks_training(adapter, written):
        await opened(adapter)

    def job() -> "tuple[Outcome, str]":
        frame, place = find()
        outcome = set_place(session, frame, place, written)
        return outcome, value_after(session, place, outcome.edits)

    outcome, value = await adapter.edit(job)
    return value, lambda: tell(adapter, outcome)


def child_of(page: "Callable[[int, int], list[Description]]", count: int, name: str) -> "Description":
    """The child of that name; `12: piece` names its place, so a long list is not searched."""
    place = name.split(":", 1)[0]
    if re.fullmatch("[0-9]{1,12}", place) and int(place) < count:
        for item in page(int(place), 1):
            if item.name == name:
                return item
    for item in page(0, min(count, 1000)):
        if item.name == name:
            return item
    raise S2sdapError("no_variable", name=name)


@handles(custom.EDIT, custom.EditArguments, When.STOPPED)
async def edit(adapter: Adapter, arguments: custom.EditArguments) -> Reply:
    """Every edit there is, without walking the variables."""
    from s2sdap.dap.asked_edits import asked
    from s2sdap.debugger.editing import console

    session = adapter.need_session()
    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    number = None if arguments.copy is None else arguments.copy.neighbor
    if asks_training(adapter, arguments.command or "", "" if number is None else f"neighbor {number}"):
        await opened(adapter)

    def job() -> "Outcome":
        if arguments.command is not None:
            asked(session, frame, arguments)
            return console.run(session, frame, arguments.command)
        return console.apply(session, asked(session, frame, arguments))

    return _answer(adapter, await adapter.edit(job))


@handles(custom.EDITS, Nothing, When.STOPPED)
def edits(adapter: Adapter, arguments: Nothing) -> Reply:
    """The edits in force, numbered."""
    from s2sdap.debugger.edit_lists import to_plain, told

    session = adapter.need_session()
    piece = session.target.piece
    listed = [
        custom.ListedEdit(number=number, text=told(each, piece), edit=plain)
        for number, (each, plain) in enumerate(
            zip(session.edits, to_plain(session.edits), strict=True), start=1
        )
    ]
    return Reply(custom.EditsBody(branch=session.cursor.branch, edits=listed))


@handles(custom.REMOVE_EDIT, custom.RemoveEditArguments, When.STOPPED)
async def remove_edit(adapter: Adapter, arguments: custom.RemoveEditArguments) -> Reply:
    """Go on without one of them."""
    from s2sdap.debugger.editing.console import remove

    session = adapter.need_session()
    return _answer(adapter, await adapter.edit(lambda: remove(session, arguments.number)))


@handles(custom.EXPORT_EDITS, Nothing, When.STOPPED)
def export_edits(adapter: Adapter, arguments: Nothing) -> Reply:
    """The edits in force as a text. Files are the client's."""
    from s2sdap.debugger.editing.exporting import export_edits as exported

    session = adapter.need_session()
    return Reply(custom.ExportEditsBody(text=exported(session), count=len(session.edits)))


@handles(custom.IMPORT_EDITS, custom.ImportEditsArguments, When.STOPPED)
async def import_edits(adapter: Adapter, arguments: custom.ImportEditsArguments) -> Reply:
    """Make the edits of such a text again."""
    from s2sdap.debugger.editing.exporting import read_export, replay

    session = adapter.need_session()
    exported = read_export(arguments.text)
    outcome, warnings = await adapter.edit(lambda: replay(session, exported, anyway=arguments.anyway))
    return _answer(adapter, outcome, warnings)


def _answer(adapter: Adapter, outcome: "Outcome", warnings: Sequence[str] = ()) -> Reply:
    from s2sdap.debugger.edit_lists import told

    session = adapter.need_session()
    cursor, piece = session.cursor, session.target.piece
    body = custom.EditBody(
        branch=cursor.branch,
        step=cursor.step,
        hypothesis=cursor.hypothesis,
        edits=[told(each, piece) for each in outcome.edits],
        text=outcome.text,
        warnings=list(warnings),
        moved=outcome.stop is not None and adapter.elsewhere(outcome.stop),
    )
    return Reply(body, lambda: tell(adapter, outcome))


FAMILY = (set_variable, set_expression, edit, edits, remove_edit, export_edits, import_edits)
