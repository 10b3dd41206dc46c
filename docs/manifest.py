"""What the extension's manifest says that comes from the code: its version, and the configurations."""

import json
from pathlib import Path
from typing import Any

import msgspec

from s2sdap import __version__
from s2sdap.dap.attach_arguments import AttachArguments
from s2sdap.dap.launch import launch_schema

MANIFEST = Path(__file__).parents[1] / "vscode-extension" / "package.json"

CONNECT = {
    "description": "Where a server or a program listens, as it printed it: `tcp://127.0.0.1:5680`, "
    "`ws://127.0.0.1:5681`, a port, or host and port.",
    "type": ["string", "integer", "object"],
    "properties": {
        "host": {"type": "string", "default": "127.0.0.1"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    },
    "required": ["port"],
}
"""Read by the extension."""
TOKEN_FILE = {
    "description": "The file with the token, which the server or the program named when it began to listen. "
    "Without it and without `token` the editor asks.",
    "type": "string",
}
RUN = {
    "python": {
        "description": "The Python that has the package s2sdap, in place of the one of the settings.",
        "type": "string",
    },
    "cwd": {"description": "The folder that the adapter runs in.", "type": "string"},
    "env": {
        "description": "Environment variables of the adapter, such as `HF_HOME`.",
        "type": "object",
        "additionalProperties": {"type": "string"},
    },
}


def manifest_file() -> str:
    """The manifest with its generated parts written again."""
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    manifest["version"] = __version__
    manifest["contributes"]["debuggers"][0]["configurationAttributes"] = {
        "launch": {
            "properties": {**_plain(launch_schema()), **RUN, "connect": CONNECT, "tokenFile": TOKEN_FILE}
        },
        "attach": {
            "required": ["connect"],
            "properties": {**_plain(_attach_schema()), "connect": CONNECT, "tokenFile": TOKEN_FILE},
        },
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _attach_schema() -> dict[str, Any]:
    schema = msgspec.json.schema(AttachArguments)
    inner: dict[str, Any] = schema["$defs"]["AttachArguments"]
    return inner


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties, without those that the editor sets by itself; what may be null may be left out."""
    properties = {name: _named(each) for name, each in schema["properties"].items() if name != "noDebug"}
    search = properties.get("search")
    if search is not None:
        search["properties"] = {name: _named(each) for name, each in search["properties"].items()}
        search.pop("title", None)
    return properties


def _named(each: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in each.get("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) == 1:
        rest = {key: value for key, value in each.items() if key not in ("anyOf", "default")}
        return {**rest, **kinds[0]}
    return dict(each)
