"""`s2sdap doctor`: does everything work here? A row a check: ok, warn or fail, and what to do."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from rich.console import Console
from rich.text import Text

import s2sdap
from s2sdap.cli.outcomes import DONE, FIRED
from s2sdap.vocabulary.errors import S2sdapError

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"
STYLES: Final = {OK: "green", WARN: "yellow", FAIL: "bold red"}
OLDEST_PYTHON: Final = (3, 11)
SOURCE: Final = "March 3, 1999"
"""The line that each bundled model decodes."""
SECONDS: Final = 30.0
"""How long the adapter may take to answer."""
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+)[^;]*(?:;.*extra == ['\"](?P<extra>[\w-]+)['\"])?")


@dataclass(frozen=True, slots=True)
class Row:
    """What one check found; `remedy` is what to do about it."""

    state: str
    name: str
    found: str
    remedy: str = ""


def doctor() -> int:
    """Run the checks, a row each as it is known. Returns the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    failures = 0
    for row in checks():
        line = Text(f"{row.state:<5}", STYLES[row.state]).append(f"{row.name:<22}", "bold")
        line.append(row.found, "")
        console.print(line, soft_wrap=True)
        if row.remedy:
            console.print(Text(f"{'':<27}→ {row.remedy}", "dim"), soft_wrap=True)
        failures += row.state == FAIL
    return FIRED if failures else DONE


def checks() -> Iterator[Row]:
    """Every check, the quick ones first."""
    yield _python()
    yield Row(OK, "s2sdap", s2sdap.__version__)
    needs = _requirements()
    for package in needs.pop("", []):
        version = _version(package)
        yield Row(OK, package, version) if version else Row(FAIL, package, "absent", f"pip install {package}")
    for extra in sorted(needs.keys() - {"dev"}):
        yield _extra(extra, needs[extra])
    yield _node()
    yield _loopback()
    yield _adapter()
    yield from _torch()
    yield from _models()


def _python() -> Row:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info >= OLDEST_PYTHON:
        return Row(OK, "python", found)
    return Row(FAIL, "python", found, f"use Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer")


def _requirements() -> dict[str, list[str]]:
    """The packages that this one asks for, by extra; those it cannot do without under no name."""
    try:
        written = metadata.requires("s2sdap") or []
    except metadata.PackageNotFoundError:  # run from a folder, without being installed
        written = []
    needs: dict[str, list[str]] = {}
    for requirement in written:
        if match := _REQUIREMENT.match(requirement):
            needs.setdefault(match["extra"] or "", []).append(match["name"])
    return needs


def _version(package: str) -> str:
    """The version that is installed, empty where there is none; nothing is imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _extra(extra: str, packages: list[str]) -> Row:
    versions = {package: _version(package) for package in packages}
    found = ", ".join(f"{package} {version or 'absent'}" for package, version in versions.items())
    if all(versions.values()):
        return Row(OK, f"extra {extra}", found)
    return Row(WARN, f"extra {extra}", found, f"if you need it: pip install 's2sdap[{extra}]'")


def _node() -> Row:
    node = shutil.which("node")
    missing = "needed only to build the editor's panels: install Node.js 20 or newer"
    if node is None:
        return Row(WARN, "node", "absent", missing)
    try:
        command = [node, "--version"]
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - found on the path
    except (OSError, subprocess.TimeoutExpired) as error:
        return Row(WARN, "node", f"{node} does not run: {error}", missing)
    if answer.returncode != 0:
        return Row(WARN, "node", f"{node} leaves with status {answer.returncode}", missing)
    return Row(OK, "node", f"{answer.stdout.strip()} at {node}")


def _loopback() -> Row:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS):
                return Row(OK, "loopback port", f"127.0.0.1:{port} opens and answers")
    except OSError as error:
        remedy = "let this user open ports on 127.0.0.1; until then use the adapter over stdio"
        return Row(FAIL, "loopback port", str(error), remedy)


def _adapter() -> Row:
    from s2sdap.client import Debugger

    start = time.perf_counter()
    try:
        with Debugger.spawn(timeout=SECONDS) as debugger:
            capabilities = debugger.request("initialize", adapterID="s2sdap")
            seconds = time.perf_counter() - start
    except S2sdapError as error:
        return Row(
            FAIL, "adapter over stdio", str(error), "run `python -m s2sdap adapter` and read what it prints"
        )
    able = sum(1 for value in capabilities.values() if value is True)
    return Row(OK, "adapter over stdio", f"answers initialize in {seconds:.2f} s with {able} capabilities")


def _torch() -> Iterator[Row]:
    try:
        import torch
    except Exception as error:  # a broken build fails in many ways, and each is a row here
        yield Row(FAIL, "torch loads", f"{type(error).__name__}: {error}", "install torch again")
        return
    cores = os.cpu_count() or 1
    yield Row(OK, "torch threads", f"{torch.get_num_threads()} by default, {cores} cores; a launch uses 1")
    devices = [
        "cpu",
        *(f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())),
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    yield Row(OK, "devices", ", ".join(devices))


def _models() -> Iterator[Row]:
    from s2sdap.models.loading import bundled_models, load_model

    names = bundled_models()
    if not names:
        yield Row(FAIL, "bundled models", "none", "install s2sdap again: its data files are missing")
    for name in names:
        start = time.perf_counter()
        try:
            from s2sdap.decoding.decode import decode
            from s2sdap.models.contract import Model

            model = load_model(name)
            if not isinstance(model, Model):
                raise TypeError("a bundled model offers single steps")
            output = decode(model, SOURCE)[0].text
        except Exception as error:  # whatever keeps a model from working is what was asked for
            yield Row(FAIL, f"model {name}", f"{type(error).__name__}: {error}", "install s2sdap again")
            continue
        seconds = time.perf_counter() - start
        yield Row(OK, f"model {name}", f"{SOURCE!r} becomes {output!r} in {seconds:.2f} s")
