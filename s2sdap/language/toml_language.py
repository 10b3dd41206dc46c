"""`s2sdap.toml` while it is edited: what is wrong with it, what may come next, what a key means."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from s2sdap.debugger.expression_completions import Offered
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.spelling import search_spelt
from s2sdap.language.conditions import Kind, Meaning, completions, fault, meaning
from s2sdap.language.configuration import FIELDS, SEARCH, Ignored, read_configuration
from s2sdap.language.notes import Level, Note, refusal
from s2sdap.language.toml_places import Entry, KeyPath, entries
from s2sdap.models import HUGGING_FACE
from s2sdap.models.loading import bundled_models
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

SYNTAX: Final = "tomlSyntax"
_PLACE: Final = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")
_TABLES: Final = ("search", "generation", "references")
_IGNORED: Final = {field.encode_name: field for field in msgspec.structs.fields(Ignored)}


class Places:
    """Offsets of a text as lines and positions, and back."""

    def __init__(self, lines: list[str]) -> None:
        self.text = "\n".join(lines)
        self._starts = [0]
        for line in lines[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, line: int, position: int) -> int:
        """The offset of a position."""
        return self._starts[min(line, len(self._starts) - 1)] + position

    def line(self, offset: int) -> int:
        """The line that an offset is on."""
        return bisect_right(self._starts, offset) - 1

    def on_its_line(self, span: Span) -> tuple[int, Span]:
        """The line of a span of the text, and the span within it, cut off at its end."""
        line = self.line(span.start)
        start = self._starts[line]
        end = self._starts[line + 1] - 1 if line + 1 < len(self._starts) else len(self.text)
        return line, Span(span.start - start, min(span.end, end) - start)


def notes(lines: list[str]) -> list[Note]:
    """What is wrong with a configuration."""
    places = Places(lines)
    try:
        given = tomllib.loads(places.text)
    except tomllib.TOMLDecodeError as error:
        return [_syntax(places, error)]
    except RecursionError:
        return [Note(0, Span(0, len(lines[0])), SYNTAX, "It is nested too deep.", Level.ERROR)]
    found = {entry.path: entry for entry in reversed(entries(places.text))}
    return sorted(_faults(given, found, places), key=lambda note: (note.line, note.span))


def complete(lines: list[str], line: int, position: int) -> list[Offered]:
    """What may stand at a position."""
    places = Places(lines)
    at = places.offset(line, position)
    here = _innermost(places.text, at)
    before = lines[line][:position]
    if here is not None and here.path[:1] == ("watchRules",) and len(here.path) == 2:
        return completions(places.text[here.value.start + 1 : at], Kind.RULE)
    if here is not None and not here.header and "=" in before:
        return _values(here.path, before)
    if "=" in before or before.lstrip().startswith(("[", "#")):
        return _values(_key_path(places.text, at, before), before) if "=" in before else _headers(before)
    word = before.strip()
    return [
        Offered(name, f"{name} = ", "field", detail, len(word))
        for name, detail in _keys(_table(places.text, at))
        if name.startswith(word)
    ]


def explain(lines: list[str], line: int, position: int) -> tuple[int, Meaning] | None:
    """What the key, rule or field at a position means, and the line that it is on."""
    places = Places(lines)
    at = places.offset(line, position)
    here = _innermost(places.text, at)
    if here is None:
        return None
    if here.path[:1] == ("watchRules",) and len(here.path) == 2:
        start = here.value.start + 1
        found = meaning(places.text[start : here.value.end - 1], at - start, Kind.RULE)
        if found is None:
            return None
        number, span = places.on_its_line(Span(found.span.start + start, found.span.end + start))
        return number, Meaning(span, found.text)
    if not here.key.start <= at <= here.key.end:
        return None
    told = dict(_keys(tuple(part for part in here.path[:-1]))).get(str(here.path[-1]))
    number, span = places.on_its_line(here.key)
    return None if told is None else (number, Meaning(span, f"`{here.path[-1]}` — {told}"))


def _syntax(places: Places, error: tomllib.TOMLDecodeError) -> Note:
    found = _PLACE.search(str(error))
    text = str(error)[: found.start()].strip() if found else str(error)
    if found is None or found[1] is None:
        last = places.line(len(places.text))
        return Note(
            last,
            places.on_its_line(Span(len(places.text), len(places.text)))[1],
            SYNTAX,
            f"{text}.",
            Level.ERROR,
        )
    start = places.offset(int(found[1]) - 1, int(found[2]) - 1)
    line, span = places.on_its_line(Span(start, start + 1))
    return Note(line, span, SYNTAX, f"{text}.", Level.ERROR)


def _faults(given: dict[str, Any], found: dict[KeyPath, Entry], places: Places) -> Iterator[Note]:
    configuration, wrong = read_configuration(given)
    for error in wrong:
        name = str(error.details["setting"])
        yield _refused(error, (name,), found, places, whole=error.name == "unknown_setting")
    own = not configuration.model.startswith(HUGGING_FACE)
    right: dict[str, Any] = {}
    for name, value in configuration.search.items():
        try:
            right |= search_spelt({name: value})
        except S2sdapError as error:
            yield _refused(error, ("search", name), found, places, whole=error.name == "unknown_setting")
    if own:
        try:
            SearchSettings(**right)
        except S2sdapError as error:
            yield _refused(error, ("search",), found, places, whole=True)
        if configuration.generation:
            clash = S2sdapError(
                "other_search", given="generation", wanted="search", model=configuration.model
            )
            yield _refused(clash, ("generation",), found, places, whole=True)
    for number, rule in enumerate(configuration.watch_rules):
        entry = found.get(("watchRules", number))
        note = fault(rule, Kind.RULE)
        if note is not None and entry is not None:
            start = entry.value.start + 1
            line, span = places.on_its_line(Span(start + note.span.start, start + note.span.end))
            yield Note(line, span, note.code, note.text, note.level)


def _refused(
    error: S2sdapError, path: KeyPath, found: dict[KeyPath, Entry], places: Places, *, whole: bool
) -> Note:
    """A refusal at the key that it is about, or at its value."""
    entry = found.get(path) or next((each for each in found.values() if each.path[: len(path)] == path), None)
    span = Span(0, 0) if entry is None else entry.key if whole else entry.value
    line, own = places.on_its_line(span)
    return refusal(line, own, error)


def _innermost(text: str, at: int) -> Entry | None:
    """The entry that an offset is in, the one that holds no other of them."""
    here = [each for each in entries(text) if each.key.start <= at <= max(each.key.end, each.value.end)]
    return here[-1] if here else None


def _table(text: str, at: int) -> KeyPath:
    """The table that a key typed at an offset is of."""
    headers = [each for each in entries(text) if each.header and each.key.end < at]
    return headers[-1].path if headers else ()


def _key_path(text: str, at: int, before: str) -> KeyPath:
    return (*_table(text, at), before.partition("=")[0].strip())


def _keys(table: KeyPath) -> Iterator[tuple[str, str]]:
    """The keys of a table with what they mean."""
    if table == ():
        yield from ((name, _described(field.type)) for name, field in FIELDS.items())
    elif table == ("search",):
        yield from ((name, _described(field.type)) for name, field in SEARCH.items())
    elif table[:1] == ("ignore",):
        yield from ((name, _described(field.type)) for name, field in _IGNORED.items())


def _headers(before: str) -> list[Offered]:
    typed = before.strip()
    names = [*(f"[{name}]" for name in _TABLES), "[[ignore]]"]
    return [
        Offered(name, name, "field", _described(FIELDS[name.strip("[]")].type), len(typed))
        for name in names
        if name.startswith(typed)
    ]


def _values(path: KeyPath, before: str) -> list[Offered]:
    """What a value may be, where there are few of them."""
    typed = before.partition("=")[2].strip()
    if path == ("model",):
        names = [f'"{name}"' for name in bundled_models()] + [f'"{HUGGING_FACE}']
    elif _truth(FIELDS.get(str(path[0])) if len(path) == 1 else None) or (
        path[:1] == ("search",) and len(path) == 2 and _truth(SEARCH.get(str(path[1])))
    ):
        names = ["true", "false"]
    else:
        return []
    return [Offered(name, name, "field", "", len(typed)) for name in names if name.startswith(typed)]


def _truth(field: msgspec.structs.FieldInfo | None) -> bool:
    """Whether a field is true or false."""
    return field is not None and getattr(field.type, "__origin__", field.type) is bool


def _described(kind: Any) -> str:
    """What the annotation of a field says of it."""
    return " ".join(meta.description for meta in getattr(kind, "__metadata__", ()) if meta.description)
