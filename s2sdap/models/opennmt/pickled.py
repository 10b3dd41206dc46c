"""A pickle read as data: what it names is noted, and nothing is imported, called or made.

A pickle is a program for a small stack machine. Here that machine runs over plain values alone. A name in
it becomes a `Named`, and what it would make by calling something becomes a `Made`: who was called, with
what, and which state it was given. So nothing that a file says can run, and yet its plain data can be read.
Names that no checkpoint of OpenNMT-py needs are refused all the same, for whoever wrote them meant them to
be called.

The instructions themselves are parsed by `pickletools`, the disassembler of the standard library.
"""

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

from s2sdap.models.opennmt.reasons import Forbidden, Unreadable

PROTOCOLS: Final = range(2, 6)
MOST_OPEN_MARKS: Final = 500
"""How deep lists, tuples and dictionaries may lie in each other while they are read."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function that a pickle names."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Made:
    """What a pickle would have made by calling `maker` with `arguments`, with the state that it gives it.

    `entries` are what it would have been given as items, if it was used like a dictionary or a list.
    """

    maker: Named
    arguments: tuple[Any, ...]
    state: Any = None
    entries: list[Any] = field(default_factory=list)

    @property
    def fields(self) -> dict[Any, Any]:
        """Its attributes by name, as far as its state is a dictionary of them."""
        return self.state if isinstance(self.state, dict) else {}


Allowed = Callable[[Named], bool]
Persistent = Callable[[Any], Any]

_CONSTANTS: Final[dict[str, Any]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS: Final = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    }
)
_BYTE_STRINGS: Final = ("BINSTRING", "SHORT_BINSTRING")
_TUPLES: Final = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DICTIONARIES: Final = frozenset({("collections", "OrderedDict"), ("collections", "Counter")})
_DEFAULTS: Final = Named("collections", "defaultdict")
_MARK: Final = object()
_INSTRUCTIONS: Final = {each.code: each for each in pickletools.opcodes}


def read_pickle(file: IO[bytes], allowed: Allowed, persistent: Persistent) -> Any:
    """The value of the pickle at the place where `file` stands, which is left after it.

    Args:
        file: where the bytes come from.
        allowed: whether a pickle may hold this name.
        persistent: what a persistent id stands for, such as a storage of torch.

    Raises:
        Unreadable: for what is no pickle of the kind that torch writes.
        Forbidden: for a name that is not allowed.
    """
    machine = _Machine(allowed, persistent)
    try:
        for name, argument in _instructions(file):
            machine.run(name, argument)
    except (IndexError, KeyError, TypeError, OverflowError, UnicodeError) as error:
        raise Unreadable(f"its pickle is damaged ({error or type(error).__name__})") from None
    except ValueError as error:
        if isinstance(error, (Unreadable, Forbidden)):
            raise
        raise Unreadable(f"its pickle is damaged ({error})") from None
    if len(machine.stack) != 1:
        raise Unreadable("its pickle is damaged (it does not leave one value)")
    return machine.stack[0]


def _instructions(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """The instructions up to the last one, each with its argument; none is read that we do not know."""
    name = ""
    while name != "STOP":
        code = file.read(1)
        if not code:
            raise Unreadable("its pickle is damaged (it does not end)")
        instruction = _INSTRUCTIONS.get(code.decode("latin-1"))
        if instruction is None or not _Machine.knows(instruction.name):
            told = "no known instruction" if instruction is None else f"the instruction {instruction.name}"
            raise Unreadable(f"its pickle has {told} where torch writes others")
        name = instruction.name
        if name == "GLOBAL":  # the parser's own reader of names takes them for text with escapes in it
            yield name, (_line(file), _line(file))
        else:
            yield name, None if instruction.arg is None else instruction.arg.reader(file)


def _line(file: IO[bytes]) -> str:
    line = file.readline()
    if not line.endswith(b"\n"):
        raise Unreadable("its pickle is damaged (a name does not end)")
    return line[:-1].decode()


class _Machine:
    """The stack machine of pickles, over plain values, `Named` and `Made`."""

    def __init__(self, allowed: Allowed, persistent: Persistent) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._marks = 0
        self._allowed = allowed
        self._persistent = persistent

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether it can carry out the instructions of this name."""
        return name in _LITERALS | _CONSTANTS.keys() | _TUPLES.keys() or hasattr(cls, f"_do_{name.lower()}")

    def run(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in _LITERALS:
            self.stack.append(_text(argument) if name in _BYTE_STRINGS else argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            self.stack.append(self._taken(_TUPLES[name]))
        else:
            getattr(self, f"_do_{name.lower()}")(argument)

    def _taken(self, count: int) -> tuple[Any, ...]:
        """The topmost values, taken off."""
        if len(self.stack) < count:
            raise IndexError("values are missing")
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        if any(value is _MARK for value in values):
            raise IndexError("values are missing")
        return values

    def _since_mark(self) -> tuple[Any, ...]:
        """The values above the topmost mark, taken off with it."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise IndexError("a mark is missing")
        values = tuple(self.stack[at + 1 :])
        del self.stack[at:]
        self._marks -= 1
        return values

    def _top(self) -> Any:
        value = self.stack[-1]
        if value is _MARK:
            raise IndexError("values are missing")
        return value

    # ---------------------------------------------------------------- frame of the program

    def _do_proto(self, version: int) -> None:
        if version not in PROTOCOLS:
            raise Unreadable(f"its pickle is of protocol {version}")

    def _do_frame(self, _length: int) -> None:
        """A hint for readers that read ahead."""

    def _do_stop(self, _argument: None) -> None:
        """The last instruction; what is left on the stack is the value."""

    def _do_mark(self, _argument: None) -> None:
        self._marks += 1
        if self._marks > MOST_OPEN_MARKS:
            raise Unreadable(f"its pickle nests deeper than {MOST_OPEN_MARKS} levels")
        self.stack.append(_MARK)

    # ---------------------------------------------------------------- memory

    def _do_binput(self, place: int) -> None:
        self._memo[place] = self._top()

    _do_long_binput = _do_binput

    def _do_memoize(self, _argument: None) -> None:
        self._memo[len(self._memo)] = self._top()

    def _do_binget(self, place: int) -> None:
        self.stack.append(self._memo[place])

    _do_long_binget = _do_binget

    # ---------------------------------------------------------------- containers

    def _do_empty_list(self, _argument: None) -> None:
        self.stack.append([])

    def _do_empty_dict(self, _argument: None) -> None:
        self.stack.append({})

    def _do_empty_set(self, _argument: None) -> None:
        self.stack.append([])

    def _do_tuple(self, _argument: None) -> None:
        self.stack.append(self._since_mark())

    def _do_append(self, _argument: None) -> None:
        self._add(self._taken(1))

    def _do_appends(self, _argument: None) -> None:
        self._add(self._since_mark())

    _do_additems = _do_appends

    def _add(self, values: tuple[Any, ...]) -> None:
        target = self._top()
        if isinstance(target, Made):
            target.entries.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise TypeError("items are added to what has none")

    def _do_setitem(self, _argument: None) -> None:
        self._set(self._taken(2))

    def _do_setitems(self, _argument: None) -> None:
        self._set(self._since_mark())

    def _set(self, values: tuple[Any, ...]) -> None:
        target = self._top()
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if isinstance(target, Made):
            target.entries.extend(pairs)
        elif isinstance(target, dict):
            target.update((_key(key), value) for key, value in pairs)
        else:
            raise TypeError("items are set in what has none")

    # ---------------------------------------------------------------- names, and what would be made

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name is no text")
        named = Named(module, name)
        if not self._allowed(named):
            raise Forbidden(str(named))
        self.stack.append(named)

    def _do_global(self, argument: tuple[str, str]) -> None:
        self._name(*argument)

    def _do_stack_global(self, _argument: None) -> None:
        self._name(*self._taken(2))

    def _do_reduce(self, _argument: None) -> None:
        maker, arguments = self._taken(2)
        if not isinstance(maker, Named) or not isinstance(arguments, tuple):
            raise Unreadable("its pickle calls what is no name")
        if (maker.module, maker.name) in _DICTIONARIES:
            self.stack.append(_dictionary(arguments))
        elif maker == _DEFAULTS:  # its argument is what would make its defaults
            self.stack.append({})
        else:
            self.stack.append(Made(maker, arguments))

    def _do_newobj(self, argument: None) -> None:
        self._do_reduce(argument)

    def _do_build(self, _argument: None) -> None:
        (state,) = self._taken(1)
        target = self._top()
        if isinstance(target, Made):
            target.state = state
        elif not isinstance(target, dict):  # a dictionary keeps its items; its attributes are nothing to us
            raise TypeError("a state is given to what has none")

    def _do_binpersid(self, _argument: None) -> None:
        (identity,) = self._taken(1)
        self.stack.append(self._persistent(identity))


def _text(string: str) -> str:
    """A `str` of Python 2, given with a character a byte, as the UTF-8 that it most likely is."""
    try:
        return string.encode("latin-1").decode()
    except UnicodeDecodeError:
        return string


def _key(key: Any) -> Any:
    """`key`, if it is of a kind whose hash takes neither long nor deep."""
    plain = isinstance(key, (str, int, float, bytes, Named, Made)) or key is None
    flat = isinstance(key, tuple) and all(isinstance(part, (str, int)) for part in key)
    if not (plain or flat):
        raise TypeError(f"a dictionary has a key of the kind {type(key).__name__}")
    return key


def _dictionary(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """What an ordered dictionary or a counter would be made of: nothing, a dictionary, or a list of pairs."""
    if not arguments:
        return {}
    (content,) = arguments
    if isinstance(content, dict):
        return dict(content)
    if not isinstance(content, list):
        raise TypeError("a dictionary is made of something else than pairs")
    return {_key(key): value for key, value in content}
