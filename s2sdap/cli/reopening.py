"""How a finding is opened: the command, and the launch configuration, that pause at its token."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from s2sdap.client.launching import index_named
from s2sdap.models import DEFAULT_MODEL

STANDARD: Final = "-"
"""Standard input, or standard output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A program and how it is decoded, in the words of a launch; `search` has the launch's spelling."""

    program: str
    model: str = DEFAULT_MODEL
    reference: str | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    dtype: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    index: str | None = None

    def command(self, line: int, step: int | None, rule: str | None = None) -> str | None:
        """The command that opens `line` (from 1) paused at the token of `step`.

        Without a step it is paused where the rule fires, which of one about the source is before any.
        `None` where the program was standard input, which is gone.
        """
        if self.program == STANDARD:
            return None
        dashed = self.program.startswith("-")  # it would be taken for an option: it goes behind them
        words = ["s2sdap", "debug", *([] if dashed else [self.program]), "--line", str(line)]
        if step is not None:
            words += ["--step", str(step)]
        options: dict[str, Any] = {
            "--model": self.model,
            "--reference": self.reference,
            "--index": self.index,
        }
        words += [word for name, value in options.items() if value is not None for word in (name, str(value))]
        for option, settings in (("--search", self.search), ("--generation", self.generation)):
            for name, value in settings.items():
                words += [option, f"{name}={json.dumps(value)}"]
        if rule is not None:
            words += ["--break", rule]
        if self.device != "cpu":
            words += ["--device", self.device]
        if self.threads != 1:
            words += ["--threads", str(self.threads)]
        for option, word in (("--dtype", self.dtype), ("--revision", self.revision)):
            if word is not None:
                words += [option, word]
        if self.trust_remote_code:
            words.append("--trust-remote-code")
        if dashed:
            words += ["--", self.program]
        return shlex.join(words)

    def configuration(self, line: int, step: int | None, rule: str, condition: str) -> dict[str, Any] | None:
        """The same as an entry of an editor's `launch.json`."""
        if self.program == STANDARD:
            return None
        entry: dict[str, Any] = {
            "type": "s2sdap",
            "request": "launch",
            "name": place_in_words(line, step),
            "program": os.path.abspath(self.program),
            "model": self.model,
            "startLine": line,
            "stopOnEntry": False,
            "watchRules": [at_token(rule, condition, line, step)],
        }
        if self.reference is not None:
            entry["reference"] = os.path.abspath(self.reference)
        if self.index is not None:
            entry["index"] = index_named(self.index)
        others = {
            "search": dict(self.search),
            "generation": dict(self.generation),
            "dtype": self.dtype,
            "revision": self.revision,
            "trustRemoteCode": self.trust_remote_code,
        }
        entry |= {name: value for name, value in others.items() if value}
        if self.device != "cpu":
            entry["device"] = self.device
        if self.threads != 1:
            entry["threads"] = self.threads
        return entry


def place_in_words(line: int, step: int | None) -> str:
    """A line and, where there is one, a step of it."""
    return f"line {line}" if step is None else f"line {line}, step {step}"


def at_token(rule: str, condition: str, line: int, step: int | None) -> str:
    """A watch rule narrowed to one token, or to one sentence."""
    return f"{rule}({narrowed(condition, line, step)})"


def narrowed(condition: str, line: int, step: int | None) -> str:
    """A condition that holds at one token only, or without a step in one sentence only."""
    there = f"line == {line}" if step is None else f"line == {line} and step == {step}"
    return f"{there} and ({condition})"
