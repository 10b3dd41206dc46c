"""Write the pages that come from the code, or check that they are up to date.

    python docs/generate.py           # write them
    python docs/generate.py --check   # fail if one is out of date

They are `errors.md` (the catalogue), `watch-rules.md`, `launch.schema.json`, `s2sdap.toml.schema.json`, the
messages as the panels know them, what the extension's manifest says of configurations, and the generated
parts of other pages, which stand between two marks.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
from manifest import MANIFEST, manifest_file
from typescript import messages_file

from s2sdap.dap.handlers import HANDLERS
from s2sdap.dap.launch import launch_schema
from s2sdap.debugger.editing.commands import COMMANDS
from s2sdap.debugger.expressions import FUNCTIONS, MAX_DEPTH, MAX_NODES, MAX_TEXT
from s2sdap.debugger.fields import FIELDS, LOOKUPS
from s2sdap.debugger.watch_rules import WATCH_RULES
from s2sdap.language.configuration import configuration_schema
from s2sdap.protocol import custom
from s2sdap.vocabulary.axes import AXES, UNITS
from s2sdap.vocabulary.errors import CATALOGUE
from s2sdap.vocabulary.sites import SITES

DOCS = Path(__file__).parent
MESSAGES = DOCS.parent / "vscode-extension" / "panels" / "src" / "protocol" / "messages.ts"
GROUPS = {
    10: "The program",
    20: "Models and checkpoints",
    30: "Settings",
    40: "At a stop",
    41: "Edits",
    42: "Expressions",
    43: "Breakpoints",
    44: "Comparing and verdicts",
    45: "Neighbours",
    50: "The protocol",
    51: "Who may connect",
    52: "The scripted client",
    53: "The browser page",
    61: "Attaching to a process",
    71: "Session files",
    72: "Corpus runs",
    73: "Clusters",
    74: "The language server",
}


def errors_page() -> str:
    """Every row of the catalogue: number, name, what was wrong, what to do."""
    lines = [
        "# Errors",
        "",
        "Every refusal has a number that stays the same, says what was wrong and where, and what to do.",
        "On the protocol the number is the `id` of the error; on the command line it stands before the text,",
        "as in `S2S1001: ...`. Words in braces are filled in. This page is written from the code by",
        "`make docs`.",
    ]
    for group, title in GROUPS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| number | name | what was wrong | what to do |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {kind.number} | `{kind.name}` | {_cell(kind.what)} | {_cell(kind.remedy)} |"
            for kind in CATALOGUE.values()
            if kind.number // 100 == group
        ]
    return "\n".join(lines) + "\n"


def schema_file() -> str:
    """The JSON schema of a launch."""
    return json.dumps(launch_schema(), indent=2, ensure_ascii=False) + "\n"


def configuration_file() -> str:
    """The JSON schema of `s2sdap.toml`."""
    return json.dumps(configuration_schema(), indent=2, ensure_ascii=False) + "\n"


def watch_rules_page() -> str:
    """Every watch rule under a heading of its own, to which the codes of diagnostics lead."""
    lines = [
        "# Watch rules",
        "",
        "What counts as suspicious in a decode. In an editor they are exception filters, on the command line",
        "`--break`, in the language server diagnostics whose codes lead here. Each has a condition that can",
        "be replaced by another in the language of [expressions.md](expressions.md), as in",
        "`lowConfidence(p < 0.3)`. When rules stop a run is told in [breakpoints.md](breakpoints.md).",
        "This page is written from the code by `make docs`.",
    ]
    for rule in WATCH_RULES.values():
        numbers = ", ".join(f"`{name}`" for name in rule.numbers)
        lines += [
            "",
            f"## {rule.id}",
            "",
            f"**{rule.label}.** {rule.meaning}",
            "",
            f"- Condition unless you give another: `{rule.condition}`",
            f"- Asked {rule.asked.value}",
            *([f"- Numbers of a finding: {numbers}, beside those of the step"] if numbers else []),
            f"- What to do: {rule.advice}",
        ]
    return "\n".join(lines) + "\n"


def configuration_table() -> str:
    """What `s2sdap.toml` may say."""
    schema = configuration_schema()
    return "\n".join(_properties(schema["properties"]))


def launch_table() -> str:
    """The launch arguments and the search settings as tables."""
    schema = launch_schema()
    search = schema["properties"]["search"]["properties"]
    return "\n".join([*_properties(schema["properties"]), "", "### `search`", "", *_properties(search)])


def requests_table() -> str:
    """Which requests are answered, when, and what each promises in `initialize`."""
    lines = ["| request | answered | capability |", "|---|---|---|"]
    for command, handler in HANDLERS.items():
        promised = ", ".join(f"`{name}`" for name in handler.capabilities)
        lines.append(f"| `{command}` | {handler.when.value} | {promised} |")
    return "\n".join(lines)


def custom_tables() -> str:
    """The fields of every message of our own."""
    lines: list[str] = []
    for command, arguments, body in custom.MESSAGES:
        kind = "Event" if arguments is None else "Request"
        lines += [f"### {kind} `{command}`", ""]
        if arguments is not None:
            lines += [_first_line(arguments), "", f"Arguments: {_fields(arguments)}", ""]
        lines += [_first_line(body), "", f"Body: {_fields(body)}", ""]
    for part in custom.PARTS:
        lines += [f"### `{part.__name__}`", "", _whole(part), "", f"Fields: {_fields(part)}", ""]
    return "\n".join(lines).rstrip()


def fields_table() -> str:
    """The names and functions of the expression language, and its bounds."""
    lines = [
        "| name | value |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()),
    ]
    functions = ", ".join(f"`{name}`" for name in FUNCTIONS)
    return "\n".join(
        [
            *lines,
            "",
            f"Functions: {functions}.",
            "",
            "Functions that look at the step:",
            "",
            "| function | value |",
            "|---|---|",
            *(f"| `{name}()` | {meaning} |" for name, meaning in LOOKUPS.items()),
            "",
            f"Bounds: {MAX_TEXT} characters, {MAX_NODES} parts, {MAX_DEPTH} levels.",
        ]
    )


def rules_table() -> str:
    """The watch rules."""
    lines = ["| rule | meaning | condition unless you give another | asked |", "|---|---|---|---|"]
    lines += [
        f"| `{rule.id}` | {rule.meaning} | `{rule.condition}` | {rule.asked.value} |"
        for rule in WATCH_RULES.values()
    ]
    return "\n".join(lines)


def commands_table() -> str:
    """The commands of the debug console."""
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| `{_cell(kind.form)}` | {kind.meaning} |" for kind in COMMANDS.values()]
    return "\n".join(lines)


def sites_table() -> str:
    """The sites and the axis letters."""
    lines = ["| site | axes | what it holds |", "|---|---|---|"]
    lines += [f"| `{site.name}` | `[{site.axes}]` | {site.meaning} |" for site in SITES.values()]
    letters = ", ".join(f"`{letter}` {meaning}" for letter, meaning in AXES.items())
    units = "; ".join(f"{what}: {unit}" for what, unit in UNITS.items())
    return "\n".join([*lines, "", f"Axes: {letters}.", "", f"Units: {units}."])


PARTS = {
    "protocol.md": {
        "launch": launch_table,
        "requests": requests_table,
        "custom": custom_tables,
        "rules": rules_table,
    },
    "expressions.md": {"fields": fields_table},
    "edits.md": {"commands": commands_table},
    "architecture.md": {"sites": sites_table},
    "language-server.md": {"configuration": configuration_table},
}


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    out = {
        DOCS / "errors.md": errors_page(),
        DOCS / "launch.schema.json": schema_file(),
        DOCS / "s2sdap.toml.schema.json": configuration_file(),
        DOCS / "watch-rules.md": watch_rules_page(),
        MESSAGES: messages_file(),
        MANIFEST: manifest_file(),
    }
    for name, parts in PARTS.items():
        text = (DOCS / name).read_text(encoding="utf-8")
        for mark, make in parts.items():
            begin, end = f"<!-- generated: {mark} -->", f"<!-- end: {mark} -->"
            pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
            if not pattern.search(text):
                raise SystemExit(f"{name} lacks the marks of {mark}")
            block = f"{begin}\n{make()}\n{end}"
            text = pattern.sub(lambda _, block=block: block, text)
        out[DOCS / name] = text
    return out


def main() -> None:
    """Write or check."""
    stale = [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit(f"out of date, run `make docs`: {', '.join(path.name for path in stale)}")
        return
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _properties(properties: dict[str, Any]) -> list[str]:
    lines = ["| argument | type | default | meaning |", "|---|---|---|---|"]
    for name, schema in properties.items():
        kinds = schema.get("type") or " or ".join(each.get("type", "?") for each in schema.get("anyOf", []))
        default = json.dumps(schema["default"]) if "default" in schema else ""
        bounds = [
            f"{sign} {schema[key]}"
            for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
            if key in schema
        ]
        shown = f"{kinds} {', '.join(bounds)}".strip()
        lines.append(f"| `{name}` | {shown} | `{default}` | {_cell(schema.get('description', ''))} |")
    return lines


def _fields(kind: type[msgspec.Struct]) -> str:
    return ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(kind))


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _whole(kind: type) -> str:
    return " ".join(line.strip() for line in (kind.__doc__ or "").split())


if __name__ == "__main__":
    main()
