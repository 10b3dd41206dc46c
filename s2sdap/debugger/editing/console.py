"""Running what was read: the edits go to the session, and the answer says what they were."""

from collections.abc import Sequence
from dataclasses import dataclass

from s2sdap.debugger.edit_lists import told
from s2sdap.debugger.editing.commands import Change, Command, help_text, read_command
from s2sdap.debugger.editing.finding import elsewhere
from s2sdap.debugger.editing.meaning import edits_meant
from s2sdap.debugger.editing.places import Place
from s2sdap.debugger.editing.words import RULE
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Stop
from s2sdap.decoding.edits import Edit, SiteEdit
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the lines to read, the stop that it led to if it moved, the edits if it made any."""

    text: str
    stop: Stop | None = None
    edits: tuple[Edit, ...] = ()


def set_place(session: Session, frame: Frame, place: Place, written: str) -> Outcome:
    """Make the edits that setting `place` to `written` means."""
    return apply(session, edits_meant(frame, place, written, elsewhere(session.walk)))


def apply(session: Session, edits: Sequence[Edit]) -> Outcome:
    """Make these edits, as one thing to undo."""
    stop = session.apply(edits)
    return Outcome(told_together(session, edits), stop, tuple(edits))


def apply_afresh(session: Session, edits: Sequence[Edit]) -> Outcome:
    """The same on a clean branch of the sentence: without the edits that are in force."""
    before = session.cursor.branch
    session.switch(session.branches[0].id)
    try:
        return apply(session, edits)
    except BaseException:
        session.switch(before)
        raise


def run(session: Session, frame: Frame, line: str) -> Outcome:
    """Do what a line of the console says. Raises where it is no command."""
    return obey(session, read_command(line, frame, elsewhere(session.walk)))


def obey(session: Session, command: Command) -> Outcome:
    """Do what a command says."""
    if isinstance(command, Change):
        return apply(session, command.edits)
    number = 0 if command.number is None else command.number
    match command.verb:
        case "undo":
            return _moved(session, session.undo())
        case "redo":
            return _moved(session, session.redo())
        case "edits":
            return Outcome(numbered(session))
        case "remove":
            return remove(session, number)
        case "branches":
            return Outcome(_branches(session))
        case "switch":
            return _moved(session, session.switch(number))
        case "goto":
            return Outcome(f"step {number}", session.goto(number))
        case _:
            return Outcome(help_text(command.name))


def remove(session: Session, number: int) -> Outcome:
    """Go on without the edit of that number, 1 for the first."""
    count = len(session.edits)
    if not 1 <= number <= count:
        raise S2sdapError("no_edit_number", number=number, count=count)
    return _moved(session, session.without(number - 1))


def numbered(session: Session) -> str:
    """The edits in force, one a line, numbered from 1."""
    piece = session.target.piece
    lines = [f"{number}. {told(edit, piece)}" for number, edit in enumerate(session.edits, 1)]
    return "\n".join(lines) or "no edits"


def told_together(session: Session, edits: Sequence[Edit]) -> str:
    """Edits in lines, and the rule by which a row of attention was filled."""
    piece = session.target.piece
    lines = [told(edit, piece) for edit in edits]
    if any(isinstance(edit, SiteEdit) and edit.site == sites.ATTENTION_WEIGHTS for edit in edits):
        lines.append(RULE)
    return "\n".join(lines)


def _moved(session: Session, stop: Stop) -> Outcome:
    return Outcome(numbered(session), stop)


def _branches(session: Session) -> str:
    current = session.cursor.branch
    lines = []
    for branch in session.branches:
        begun = "" if branch.parent is None else f", from {branch.parent} at step {branch.fork}"
        name = f" {branch.name}" if branch.name else ""
        mark = "*" if branch.id == current else " "
        lines.append(
            f"{mark} {branch.id}{name}: {len(branch.records)} steps, {len(branch.edits)} edits{begun}"
        )
    return "\n".join(lines)
