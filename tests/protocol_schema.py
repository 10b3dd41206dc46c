"""The protocol's own JSON schema, and messages held against it.

debugpy's wheel carries one; the newest is used as well where it is at hand.
"""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import debugpy
import jsonschema

Message = dict[str, Any]
NEWEST = (
    Path(__file__).parents[2] / "shared" / "data" / "debug-adapter-protocol" / "debugAdapterProtocol.json"
)
NAMING = frozenset("type event command reason category breakMode presentationHint kind areas".split())  # noqa: SIM905
"""Fields in which the very word matters to the schema."""
NEWER = frozenset({"LocationsResponse"})
"""What the protocol has and the schema that debugpy carries has not."""


class Schema:
    """A schema of the protocol, with a validator for each kind of message."""

    def __init__(self, path: Path) -> None:
        self._schema = json.loads(path.read_text("utf-8"))
        self.definitions: dict[str, Any] = self._schema["definitions"]

    @functools.cache  # noqa: B019 - there are two schemas, and they live as long as the tests
    def validator(self, definition: str) -> jsonschema.Draft4Validator:
        """What checks a message against one definition."""
        return jsonschema.Draft4Validator({**self._schema, "$ref": f"#/definitions/{definition}"})

    def definition_of(self, message: Message) -> str:
        """The definition that a message from the adapter has to fulfil; our own have the general one."""
        if message["type"] == "event":
            name = _upper(message["event"]) + "Event"
            general = "Event"
        elif message["type"] == "request":  # one in reverse
            name, general = _upper(message["command"]) + "Request", "Request"
        elif not message["success"]:
            return "ErrorResponse"
        else:
            name = _upper(message["command"]) + "Response"
            general = "Response"
        if name in self.definitions:
            return name
        own = (message.get("event") or message.get("command", "")).startswith("s2s/")
        assert own or name in NEWER, f"the protocol has no {name}"
        return general

    def arguments_of(self, command: str) -> dict[str, Any]:
        """The schema of a request's arguments, with the definitions that it refers to."""
        name = _upper(command) + "Arguments"
        return {**self.definitions.get(name, {"type": "object"}), "definitions": self.definitions}

    def check(self, message: Message) -> None:
        """Raise unless the message is valid."""
        name = self.definition_of(message)
        for fault in self.validator(name).iter_errors(message):
            raise AssertionError(f"{name}: {fault.json_path}: {fault.message}\n{message}")


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def _carried() -> Path:
    vendored = Path(debugpy.__file__).parent / "_vendored" / "pydevd"
    return vendored / "_pydevd_bundle" / "_debug_adapter" / "debugProtocol.json"


@functools.cache
def schemas() -> tuple[Schema, ...]:
    """The schema that debugpy carries, and the newest where it is at hand (`test_dap_laws` says if not)."""
    return tuple(Schema(path) for path in (_carried(), NEWEST) if path.is_file())


def check_shapes(messages: Iterable[Message]) -> int:
    """Check one message of every shape, and say how many shapes there were.

    Two messages have one shape if the schema cannot tell them apart: the same fields with the same
    types and the same words where words are listed.
    """
    seen = set()
    for message in messages:
        shape = _shape(message, "")
        if shape not in seen:
            seen.add(shape)
            for schema in schemas():
                schema.check(message)
    return len(seen)


def _shape(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((key, _shape(inner, key)) for key, inner in value.items()))
    if isinstance(value, list):
        return (name, frozenset(_shape(inner, name) for inner in value))
    return value if name in NAMING else type(value).__name__
