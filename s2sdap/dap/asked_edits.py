"""The edits that the arguments of `s2s/edit` ask for."""

from collections.abc import Callable
from typing import Final, TypeVar

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.copying import copied
from s2sdap.debugger.editing.finding import elsewhere
from s2sdap.debugger.editing.meaning import one_line
from s2sdap.debugger.editing.reading import Origin, named_word
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import Edit
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")
Made = tuple[Edit, ...]


def asked(session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    """The edits that `given` asks for at `frame`; none for a command. Exactly one way must be taken."""
    taken = [name for name in WAYS if getattr(given, name) is not None]
    if len(taken) != 1:
        reason = f"give one of {', '.join(WAYS)}"
        raise S2sdapError("bad_arguments", command=custom.EDIT, reason=reason)
    return WAYS[taken[0]](session, frame, given)


def _token(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.chosen(frame, "" if given.token is None else given.token)


def _prefix(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.prefix(frame, _there(given.prefix))


def _weights(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.row(frame, _there(given.weights), given.layer, given.head)


def _words(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    shares = [(named_word(name), weight) for name, weight in _there(given.words).items()]
    return making.words(frame, shares, given.layer, given.head)


def _position(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    if given.weight is None:
        raise S2sdapError("bad_arguments", command=custom.EDIT, reason="`position` needs a `weight`")
    return making.weight(frame, _there(given.position), given.weight, given.layer, given.head)


def _site(session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    name, index = _there(given.site), tuple(given.index or ())
    if sum((given.values is not None, given.zero, given.copy is not None)) > 1:
        raise S2sdapError("bad_arguments", command=custom.EDIT, reason="give one of values, zero and copy")
    if given.zero:
        return making.zero(frame, name, index)
    if given.copy is not None:
        copy = given.copy
        origin = Origin(copy.sentence, copy.step, copy.hypothesis, copy.token, copy.neighbor)
        return copied(frame, name, index, origin, elsewhere(session.walk))
    return making.site(frame, name, given.values or (), index)


def _ban(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.ban(frame, _there(given.ban))


def _boost(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    changes: dict[str | int, float] = dict(_there(given.boost).items())
    return making.boost(frame, changes)


def _prune(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.prune(frame, _there(given.prune))


def _revive(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    revived = _there(given.revive)
    if revived.candidate is not None:
        return making.revive_candidate(frame, revived.candidate)
    if revived.token is None:
        raise S2sdapError(
            "bad_arguments", command=custom.EDIT, reason="`revive` needs a token or a candidate"
        )
    hypothesis = frame.before.id if revived.hypothesis is None else revived.hypothesis
    return making.revive(frame, hypothesis, revived.token)


def _settings(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.settings(frame, _there(given.settings))


def _source(_session: Session, frame: Frame, given: custom.EditArguments) -> Made:
    return making.source(frame, one_line(_there(given.source)))


def _edits(_session: Session, _frame: Frame, given: custom.EditArguments) -> Made:
    return from_plain(_there(given.edits))


def _command(_session: Session, _frame: Frame, _given: custom.EditArguments) -> Made:
    return ()


def _there(value: T | None) -> T:
    if value is None:
        raise AssertionError("a way is taken only where its argument is given")
    return value


WAYS: Final[dict[str, Callable[[Session, Frame, custom.EditArguments], Made]]] = {
    "token": _token,
    "prefix": _prefix,
    "weights": _weights,
    "words": _words,
    "position": _position,
    "site": _site,
    "ban": _ban,
    "boost": _boost,
    "prune": _prune,
    "revive": _revive,
    "settings": _settings,
    "source": _source,
    "edits": _edits,
    "command": _command,
}
"""The arguments that name a way to edit, each with what makes the edits."""
