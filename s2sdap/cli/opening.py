"""`s2sdap open`: what a session file holds, for people; and its decode run again with a model."""

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from s2sdap.cli.outcomes import DONE, FIRED

if TYPE_CHECKING:
    from s2sdap.debugger.session_file.post_mortem import Recording
    from s2sdap.debugger.session_file.replay import Replay
    from s2sdap.debugger.timeline import Timeline

WIDTH: Final = 120
"""Columns of a table that goes into a file or a pipe."""
LISTED: Final = 20
"""Sentences that are listed; a recording rarely holds more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOptions:
    """What the command line says."""

    file: str
    replay: bool
    model: str | None
    device: str | None
    trust_remote_code: bool


def open_session(options: OpenOptions) -> int:
    """Show what the file holds; run it again if that is asked for. Returns the exit code."""
    import torch

    from s2sdap.debugger.session_file.post_mortem import open_recording

    torch.set_num_threads(1)  # as a launch does: sums keep their order
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    recording = open_recording(options.file)
    show(recording, console)
    if not options.replay and options.model is None:
        return DONE
    found = _replay(recording, options)
    console.print(Text("\n" + found.text, "green" if found.identical else "yellow"), soft_wrap=True)
    return DONE if found.identical else FIRED


def _replay(recording: "Recording", options: OpenOptions) -> "Replay":
    from s2sdap.debugger.session_file.replay import replay

    given = {"device": options.device, "trust_remote_code": options.trust_remote_code or None}
    with contextlib.redirect_stdout(sys.stderr):  # what the model's own code prints is no part of it
        model = recording.load(options.model, **{name: value for name, value in given.items() if value})
        return replay(recording, model)


def show(recording: "Recording", console: Console) -> None:
    """The file, its model, where it stood, and a row a sentence; then the edits of every branch."""
    document, model, program = recording.file.document, recording.model, recording.program
    told = {
        "file": f"{recording.file.path}, {recording.file.size:,} bytes, sites: {document.kept}",
        "saved by": f"s2sdap {document.release}, torch {document.torch}",
        "model": f"{model.name}  {model.fingerprint}  on {model.device}, {model.layout.parameters:,} weights",
        "program": f"{program.path or program.name}, {len(program.sentences)} sentences",
        "stood at": _stood(recording),
    }
    for name, value in told.items():
        console.print(Text(f"{name:<9} ", "bold") + Text(value), soft_wrap=True)
    table = Table()
    for heading in ("line", "source", "branches", "steps", "edits", "output"):
        table.add_column(heading, justify="left" if heading in ("source", "output") else "right")
    timelines = [
        found for each in recording.program.sentences if (found := recording.walk.timeline_of(each.index))
    ]
    for timeline in timelines[:LISTED]:
        table.add_row(*(Text(each) for each in _row(recording, timeline)))
    console.print(table)
    if len(timelines) > LISTED:
        console.print(f"and {len(timelines) - LISTED} sentences more")
    for timeline in timelines[:LISTED]:
        _show_edits(timeline, console)


def _stood(recording: "Recording") -> str:
    cursor, stop = recording.file.document.cursor, recording.file.document.stop
    if cursor is None:
        return "the end"
    why = f": {stop.text}" if stop is not None and stop.text else ""
    step = "" if cursor.step < 0 else f", step {cursor.step}"
    return f"sentence {cursor.sentence + 1}{step}, {cursor.stage}{why}"


def _row(recording: "Recording", timeline: "Timeline") -> list[str]:
    sentence, branches = timeline.sentence, timeline.branches
    result = recording.results.get(sentence.index)
    output = "" if result is None else str(result.error) if result.error else result.text
    steps = {id(record) for branch in branches for record in branch.records}
    edits = len({edit for branch in branches for edit in branch.edits})
    return [str(sentence.line + 1), sentence.text, str(len(branches)), str(len(steps)), str(edits), output]


def _show_edits(timeline: "Timeline", console: Console) -> None:
    from s2sdap.debugger.edit_lists import told

    for branch in timeline.branches:
        for edit in branch.edits:
            where = f"line {timeline.sentence.line + 1}, branch {branch.id}"
            console.print(Text(f"{where}: {told(edit, branch.plan.model.target.piece)}"), soft_wrap=True)
