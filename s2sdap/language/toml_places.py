"""Where keys and values of a TOML text stand. What they mean is read by `tomllib`; this only finds places.

A text that is no TOML (it is being typed) gives the places up to where it cannot be followed, line by line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from s2sdap.vocabulary.positions import Span

KeyPath = tuple[str | int, ...]
"""How a value is reached: keys of tables, and numbers of the elements of arrays."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"[ \t]*")
_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
    r"|'[^'\n]*(?:'|(?=\n)|\Z)",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^\s,\]}#]+(?: \d{2}:[^\s,\]}#]+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value: the path of the value, and where both stand in the text, in code points.

    An element of an array has the span of its value for both. `header` says that it is a table's `[name]`.
    """

    path: KeyPath
    key: Span
    value: Span
    header: bool = False


@dataclass(slots=True)
class _Scan:
    text: str
    at: int = 0
    found: list[Entry] = field(default_factory=list)
    counts: dict[KeyPath, int] = field(default_factory=dict)

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def skip(self, pattern: re.Pattern[str]) -> None:
        matched = pattern.match(self.text, self.at)
        self.at = self.at if matched is None else matched.end()

    def line_end(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end


def entries(text: str) -> list[Entry]:
    """Every key and array element of a text, in reading order; an outer one comes before what it holds."""
    scan = _Scan(text)
    table: KeyPath = ()
    while True:
        scan.skip(_SPACE)
        if scan.at >= len(text):
            return scan.found
        if scan.peek("["):
            table = _header(scan)
        else:
            _pair(scan, table)
        scan.at = max(scan.at, scan.line_end())


def _header(scan: _Scan) -> KeyPath:
    start, several = scan.at, scan.peek("[[")
    scan.at += 2 if several else 1
    path: KeyPath = tuple(name for name, _ in _key(scan))
    end = scan.line_end()
    if several:
        number = scan.counts.get(path, 0)
        scan.counts[path] = number + 1
        path = (*path, number)
    span = Span(start, start + len(scan.text[start:end].rstrip()))
    scan.found.append(Entry(path, span, span, header=True))
    return path


def _pair(scan: _Scan, table: KeyPath) -> None:
    parts = list(_key(scan))
    scan.skip(_BLANK)
    if not parts:
        return
    key = Span(parts[0][1].start, parts[-1][1].end)
    path: KeyPath = (*table, *(name for name, _ in parts))
    if not scan.peek("="):
        scan.found.append(Entry(path, key, Span(key.end, key.end)))
        return
    scan.at += 1
    scan.skip(_BLANK)
    place = len(scan.found)
    start = scan.at
    _value(scan, path)
    scan.found.insert(place, Entry(path, key, Span(start, scan.at)))


def _key(scan: _Scan) -> Iterator[tuple[str, Span]]:
    """The parts of a key with dots."""
    while True:
        scan.skip(_BLANK)
        matched = _BARE.match(scan.text, scan.at)
        if matched is None and (scan.peek('"') or scan.peek("'")):
            matched = _STRING.match(scan.text, scan.at)
        if matched is None:
            return
        scan.at = matched.end()
        yield matched[0].strip("\"'"), Span(*matched.span())
        scan.skip(_BLANK)
        if not scan.peek("."):
            return
        scan.at += 1


def _value(scan: _Scan, path: KeyPath) -> None:
    if scan.peek("["):
        _array(scan, path)
    elif scan.peek("{"):
        _inline(scan, path)
    else:
        matched = _STRING.match(scan.text, scan.at) or _PLAIN.match(scan.text, scan.at)
        scan.at = scan.at if matched is None else matched.end()


def _array(scan: _Scan, path: KeyPath) -> None:
    scan.at += 1
    number = 0
    while True:
        scan.skip(_SPACE)
        start = scan.at
        if start >= len(scan.text) or scan.peek("]"):
            scan.at = min(start + 1, len(scan.text))
            return
        if scan.peek(","):
            scan.at += 1
            continue
        place = len(scan.found)
        _value(scan, (*path, number))
        if scan.at == start:  # no value: it is being typed
            return
        span = Span(start, scan.at)
        scan.found.insert(place, Entry((*path, number), span, span))
        number += 1


def _inline(scan: _Scan, path: KeyPath) -> None:
    scan.at += 1
    while True:
        scan.skip(_SPACE)
        start = scan.at
        if start >= len(scan.text) or scan.peek("}"):
            scan.at = min(start + 1, len(scan.text))
            return
        if scan.peek(","):
            scan.at += 1
            continue
        _pair(scan, path)
        if scan.at == start:
            return
