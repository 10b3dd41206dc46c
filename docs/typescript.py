"""The protocol's messages as TypeScript types, so that the panels are checked against the adapter.

The structs of `s2sdap.protocol` are the one place where a message is written down; `generate.py` writes
this file of types from them. Fields with a default may be absent, as on the wire.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from s2sdap.protocol import arguments, arrays, bodies, custom

HEAD = """// Written from s2sdap/protocol by docs/generate.py: change it there, then run `make docs`.
"""
_PLAIN = {
    msgspec.inspect.StrType: "string",
    msgspec.inspect.IntType: "number",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.NoneType: "null",
    msgspec.inspect.AnyType: "unknown",
    msgspec.inspect.RawType: "unknown",
}


def messages_file() -> str:
    """All structs as interfaces, and our own requests and events by name."""
    names: dict[type[Any], str] = {}
    for module in (arguments, arrays, bodies, *custom._SUBJECTS):
        for name, kind in vars(module).items():
            own = inspect.isclass(kind) and kind.__module__ == module.__name__
            if own and issubclass(kind, msgspec.Struct) and not name.startswith("_") and name != "Arguments":
                names[kind] = f"{name}Body" if name in names.values() else name
                if len(set(names.values())) < len(names):
                    raise SystemExit(f"two structs are called {names[kind]}")
    requests = [each for each in custom.MESSAGES if each[1] is not None]
    events = [each for each in custom.MESSAGES if each[1] is None]
    return "\n".join(
        [
            HEAD,
            *(_interface(kind, names) for kind in names),
            "/** Our own requests: what they take and what they answer. */",
            "export interface CustomRequests {",
            *(
                f'  "{command}": {{ arguments: {names[taken]}; body: {names[body]} }};'
                for command, taken, body in requests
            ),
            "}",
            "",
            "/** Our own events. */",
            "export interface CustomEvents {",
            *(f'  "{command}": {names[body]};' for command, _, body in events),
            "}",
            "",
        ]
    )


def _interface(kind: type[Any], names: Mapping[type[Any], str]) -> str:
    info = msgspec.inspect.type_info(kind)
    told = (inspect.getdoc(kind) or "").split("\n\n", 1)[0].replace("\n", " ")
    lines = [f"/** {told} */", f"export interface {names[kind]} {{"]
    for field in info.fields:
        optional = "" if field.required else "?"
        written = _type(field.type, names, optional=not field.required)
        lines.append(f"  {field.encode_name}{optional}: {written};")
    return "\n".join([*lines, "}", ""])


def _type(kind: Any, names: Mapping[type[Any], str], *, optional: bool = False) -> str:
    for plain, written in _PLAIN.items():
        if isinstance(kind, plain):
            return written
    match kind:
        case msgspec.inspect.Metadata():
            return _type(kind.type, names, optional=optional)
        case msgspec.inspect.LiteralType():
            return " | ".join(f'"{value}"' for value in kind.values)
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            inner = _type(kind.item_type, names)
            return f"({inner})[]" if " " in inner else f"{inner}[]"
        case msgspec.inspect.DictType():
            return f"Record<string, {_type(kind.value_type, names)}>"
        case msgspec.inspect.UnionType():
            parts = [_type(each, names) for each in kind.types]
            return " | ".join(each for each in parts if not (optional and each == "null"))
        case msgspec.inspect.StructType():
            return names[kind.cls]
    raise SystemExit(f"no TypeScript is known for {kind}")
