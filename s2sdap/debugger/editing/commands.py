"""The language of the console: one line, one command.

A line is a command when it begins with a command's word, or sets a place (`state = 0`), and is no
expression. Of the words only `source` is a field as well: alone, or in what reads as an expression,
it is the field.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.copying import Elsewhere
from s2sdap.debugger.editing.left_sides import NAMES, layer_and_head, place_at
from s2sdap.debugger.editing.meaning import edits_meant
from s2sdap.debugger.editing.places import Place, PrefixPlace, RowPlace, SourcePlace, TensorPlace, TokenPlace
from s2sdap.debugger.editing.reading import LONGEST, Written, parse_setting
from s2sdap.debugger.expressions import compile_expression
from s2sdap.debugger.fields import FIELDS
from s2sdap.debugger.frames import Frame
from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Change:
    """A command that edits."""

    edits: tuple[Edit, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A command that looks at the edits and branches, or moves among them."""

    verb: str
    number: int | None = None
    name: str = ""


Command = Change | Order
_Read = Callable[[Written, Frame, Elsewhere], Command]


@dataclass(frozen=True, slots=True)
class CommandKind:
    """A command: its word, how it is written, what it does, and what reads it."""

    word: str
    form: str
    meaning: str
    read: _Read


def command_word(line: str) -> str | None:
    """The command that a line begins with, or `=` where it sets a place; `None` of an expression."""
    if len(line) > LONGEST:
        return None
    word = re.match(r"\s*([a-z]+)(?=\s|$)", line)
    setting = _sets(line)
    if not setting and (word is None or word[1] not in COMMANDS):
        return None
    try:
        compile_expression(line, FIELDS)
    except S2sdapError as error:
        if error.name == "expression_limit" and word is None:
            return None
    else:
        return None
    return word[1] if word is not None and word[1] in COMMANDS else "="


def read_command(line: str, frame: Frame, elsewhere: Elsewhere) -> Command:
    """The command that a line is. Raises `edit_syntax` with the column, or what its edit is refused with."""
    word = command_word(line)
    if word is None:
        raise _no_command(line)
    written = Written(line)
    if word == "=":
        return _assignment(written, frame, elsewhere)
    written.take(word)
    if word in _PLACED and _sets(line):  # `source = text`, `prefix = text`
        return _assignment(Written(line), frame, elsewhere)
    return COMMANDS[word].read(written, frame, elsewhere)


def misspelt_command(line: str) -> str | None:
    """The command that a line which is none, and no expression either, may have meant."""
    word = re.match(r"\s*([a-z]+)\s+\S", line)
    near = difflib.get_close_matches(word[1], COMMANDS, n=1, cutoff=0.75) if word is not None else []
    return near[0] if near else None


def _sets(line: str) -> bool:
    """Whether a line has a name, brackets if any, and a single `=` or `:` after it."""
    return _SETTING.match(line) is not None


_SETTING: Final = re.compile(
    r"\s*[A-Za-z_][\w.]*\s*(?:\[(?:[^\]\"']|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')*\]\s*)*(?:=(?!=)|:)"
)


def _no_command(line: str) -> S2sdapError:
    word = line.split(maxsplit=1)[0][:40] if line.strip() else ""
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return S2sdapError("edit_syntax", column=1, reason=f"{word!r} is no command{hint}")


def _assignment(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    place = place_at(written, frame)
    if written.take("[=:]") is None:
        raise written.refusal("`=` is wanted here")
    return _set(written, place, frame, elsewhere)


def _set(written: Written, place: Place, frame: Frame, elsewhere: Elsewhere) -> Change:
    """What is left of the line is the value of `place`."""
    if written.ended:
        raise written.refusal("a value is wanted here")
    begun = written.at
    try:
        return Change(edits_meant(frame, place, written.rest(), elsewhere), place)
    except S2sdapError as error:
        if error.name != "edit_syntax":
            raise
        column = error.details["column"] + begun  # of the value alone: count from the line's beginning
        raise S2sdapError("edit_syntax", column=column, reason=error.details["reason"]) from None


def _force(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    if written.ended:
        raise written.refusal("a token is wanted here")
    return _set(written, TokenPlace(), frame, elsewhere)


def _prefix(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    if written.ended:
        raise written.refusal("a text is wanted here, or tokens between brackets")
    return _set(written, PrefixPlace(), frame, elsewhere)


def _attend(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    layer, head = layer_and_head(written)
    written.take(":")
    return _set(written, RowPlace(layer, head), frame, elsewhere)


def _zero(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    place = _tensor_place(written, frame)
    written.end()
    return Change(making.zero(frame, place.site, place.index), place)


def _copy(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    place = place_at(written, frame)
    if not isinstance(place, TensorPlace | RowPlace):
        raise written.refusal("only numbers can be copied: attention, state, context ...")
    if re.match(r"from\b", written.text[written.at :].lstrip()) is None:
        raise written.refusal("`from` and a place are wanted here, as in `from step 3`")
    return _set(written, place, frame, elsewhere)


def _tensor_place(written: Written, frame: Frame) -> TensorPlace:
    written.blanks()
    begun = written.at
    place = place_at(written, frame)
    if not isinstance(place, TensorPlace):
        written.at = begun
        raise written.refusal("only a tensor can be zero: state, context, logits ...")
    return place


def _ban(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    tokens = [written.token()]
    while not written.ended:
        written.take(",")
        tokens.append(written.token())
    return Change(making.ban(frame, tokens))


def _boost(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    changes: dict[str | int, float] = {}
    while not written.ended or not changes:
        token = written.token()
        changes[token] = written.number("how many nats to add")
        written.take(",")
    return Change(making.boost(frame, changes))


def _prune(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    hypothesis = written.whole("the id of a hypothesis")
    written.end()
    return Change(making.prune(frame, hypothesis))


def _revive(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    if written.take(r"candidate\b") is not None:
        edits = making.revive_candidate(frame, written.whole("the place of a candidate, 0 for the first,"))
    else:
        hypothesis = written.whole("the id of a hypothesis, or `candidate` and its place,")
        edits = making.revive(frame, hypothesis, written.token())
    written.end()
    return Change(edits)


def _settings(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del elsewhere
    values: dict[str, Any] = {}
    while not written.ended or not values:
        name = written.take(r"[A-Za-z_]\w*")
        if name is None or written.take("=") is None:
            raise written.refusal("a setting and its value are wanted here, as in beamSize=4")
        quoted = written.quoted()
        value = quoted if quoted is not None else written.take(r"\[[^\]]*\]|\{[^}]*\}|[^\s,]+")
        if value is None:
            raise written.refusal(f"a value of {name} is wanted here")
        values[name] = value if quoted is not None else parse_setting(value)
        written.take(",")
    return Change(making.settings(frame, values))


def _source(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    if written.ended:
        raise written.refusal("a text is wanted here")
    return _set(written, SourcePlace(), frame, elsewhere)


def _plain(verb: str) -> _Read:
    """A command without arguments."""

    def read(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
        del frame, elsewhere
        written.end()
        return Order(verb)

    return read


def _numbered(verb: str, what: str) -> _Read:
    """A command with a number."""

    def read(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
        del frame, elsewhere
        number = written.whole(what)
        written.end()
        return Order(verb, number)

    return read


def _help(written: Written, frame: Frame, elsewhere: Elsewhere) -> Command:
    del frame, elsewhere
    name = written.take(r"\S+") or ""
    written.end()
    return Order("help", None, name)


COMMANDS: Final[dict[str, CommandKind]] = {
    kind.word: kind
    for kind in (
        CommandKind("force", 'force "1"', "the hypothesis takes this token at this step", _force),
        CommandKind("prefix", 'prefix "2005-01"', "it begins with this text, from step 0 on", _prefix),
        CommandKind(
            "attend", "attend [L3.H2] heute=0.7 morgen=0.3", "the attention of this step, by words", _attend
        ),
        CommandKind("zero", "zero state", "a tensor becomes zero", _zero),
        CommandKind("copy", "copy state from step 3", "a tensor becomes what it is elsewhere", _copy),
        CommandKind("ban", 'ban "Haus" "Hof"', "these tokens cannot come at this step", _ban),
        CommandKind("boost", 'boost "Haus" 2.5', "so many nats are added to a token's logit", _boost),
        CommandKind("prune", "prune 3", "a hypothesis goes no further", _prune),
        CommandKind(
            "revive",
            'revive 3 "Haus"',
            "a pruned continuation gets a place; also `revive candidate 5`",
            _revive,
        ),
        CommandKind("set", "set beamSize=4 lengthPenalty=0.6", "settings from this step on", _settings),
        CommandKind("source", "source neue Wörter hier", "the sentence reads this, side by side", _source),
        CommandKind("undo", "undo", "take the last edits back", _plain("undo")),
        CommandKind("redo", "redo", "make them again", _plain("redo")),
        CommandKind("edits", "edits", "the edits in force, numbered", _plain("edits")),
        CommandKind(
            "remove", "remove 2", "go on without that edit", _numbered("remove", "the number of an edit")
        ),
        CommandKind("branches", "branches", "the branches of this sentence", _plain("branches")),
        CommandKind("switch", "switch 1", "go over to a branch", _numbered("switch", "the id of a branch")),
        CommandKind("goto", "goto 3", "go to a computed step", _numbered("goto", "a step, 0 for the first,")),
        CommandKind("help", "help", "this list", _help),
    )
}
_PLACED: Final = frozenset(COMMANDS) & frozenset(NAMES)
"""Commands whose word names a place as well."""


def help_text(word: str = "") -> str:
    """What the console can do, or how one command is written."""
    if word and word not in COMMANDS:
        raise _no_command(word)
    kinds = [COMMANDS[word]] if word else list(COMMANDS.values())
    width = max(len(kind.form) for kind in kinds)
    lines = [f"{kind.form.ljust(width)}  {kind.meaning}" for kind in kinds]
    if not word:
        lines.append("PLACE = VALUE".ljust(width) + f"  set one of {', '.join(NAMES)}")
        lines.append("anything else is an expression: see docs/expressions.md; every form: docs/edits.md")
    return "\n".join(lines)
