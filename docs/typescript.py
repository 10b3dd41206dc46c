"""The protocol's messages as TypeScript types, so that the panels are checked against the adapter.

The structs of `s2sdap.protocol` are the one place where a message is written down; `generate.py` writes
this file of types from them. Fields with a default may be absent, as on the wire.
"""

import inspect
from typing import Any

import msgspec

from s2sdap.protocol import arguments, arrays, bodies, custom

HEAD = """// Written from s2sdap/protocol by docs/generate.py: change it there, then run `make docs`.
/* eslint-disable */
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
    structs: dict[str, type[Any]] = {}
    for module in (arguments, arrays, bodies, *custom._SUBJECTS):
        for name, kind in vars(module).items():
            own = inspect.isclass(kind) and kind.__module__ == module.__name__
            if own and issubclass(kind, msgspec.Struct) and not name.startswith("_") and name != "Arguments":
                if name in structs:
                    raise SystemExit(f"two structs are called {name}")
                structs[name] = kind
    requests = [each for each in custom.MESSAGES if each[1] is not None]
    events = [each for each in custom.MESSAGES if each[1] is None]
    return "\n".join(
        [
            HEAD,
            *(_interface(kind) for kind in structs.values()),
            "/** Our own requests: what they take and what they answer. */",
            "export interface CustomRequests {",
            *(
                f'  "{command}": {{ arguments: {taken.__name__}; body: {body.__name__} }};'
                for command, taken, body in requests
            ),
            "}",
            "",
            "/** Our own events. */",
            "export interface CustomEvents {",
            *(f'  "{command}": {body.__name__};' for command, _, body in events),
            "}",
            "",
        ]
    )


def _interface(kind: type[Any]) -> str:
    info = msgspec.inspect.type_info(kind)
    told = (inspect.getdoc(kind) or "").split("\n\n", 1)[0].replace("\n", " ")
    lines = [f"/** {told} */", f"export interface {kind.__name__} {{"]
    for field in info.fields:
        optional = "" if field.required else "?"
        written = _type(field.type, optional=not field.required)
        lines.append(f"  {field.encode_name}{optional}: {written};")
    return "\n".join([*lines, "}", ""])


def _type(kind: Any, *, optional: bool = False) -> str:
    for plain, written in _PLAIN.items():
        if isinstance(kind, plain):
            return written
    match kind:
        case msgspec.inspect.Metadata():
            return _type(kind.type, optional=optional)
        case msgspec.inspect.LiteralType():
            return " | ".join(f'"{value}"' for value in kind.values)
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            inner = _type(kind.item_type)
            return f"({inner})[]" if " " in inner else f"{inner}[]"
        case msgspec.inspect.DictType():
            return f"Record<string, {_type(kind.value_type)}>"
        case msgspec.inspect.UnionType():
            parts = [_type(each) for each in kind.types]
            return " | ".join(each for each in parts if not (optional and each == "null"))
        case msgspec.inspect.StructType():
            return str(kind.cls.__name__)
    raise SystemExit(f"no TypeScript is known for {kind}")
