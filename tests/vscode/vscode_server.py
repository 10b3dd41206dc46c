"""A VS Code server with the extension in it: started, asked what runs below it, and ended with all of it."""

import json
import os
import re
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_vscode import Vscode

SETTINGS: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "extensions.gallery.enabled": False,
    "update.mode": "none",
    "workbench.enableExperiments": False,
    "workbench.tips.enabled": False,
    "workbench.tree.enableStickyScroll": False,
    "debug.openDebug": "openOnSessionStart",
    "git.enabled": False,
    "task.autoDetect": "off",
    "npm.autoDetect": "off",
    "typescript.tsc.autoDetect": "off",
    "remote.autoForwardPorts": False,
    "remote.restoreForwardedPorts": False,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "editor.minimap.enabled": False,
    "terminal.integrated.gpuAcceleration": "off",
}
"""Of the user: nothing is fetched, nothing pops up, and F5 waits for no search after tasks."""
PYTHON_EXTENSION = Path(__file__).parent / "python_extension"
"""What stands for the Python extension, which would come from a marketplace."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running VS Code server."""

    vscode: Vscode
    process: subprocess.Popen[bytes]
    state: Path
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def user_settings(self) -> Path:
        return self.state / "user" / "User" / "settings.json"

    @property
    def extension(self) -> Path:
        """Where it has installed the extension."""
        (found,) = (self.state / "extensions").glob("s2sdap.s2sdap-*")
        return found

    def log(self) -> str:
        """What it has said."""
        return (self.state / "server.log").read_text("utf-8", errors="replace")

    def adapters(self) -> dict[int, str]:
        """The debug adapters below it, as process id and command line."""
        return self.running(r"s2sdap\S*\s+adapter\b")

    def running(self, wanted: str) -> dict[int, str]:
        """The processes below it whose command line is like this."""
        return {pid: told for pid, told in _below(self.process.pid).items() if re.search(wanted, told)}


@contextmanager
def started(vscode: Vscode, vsix: Path | None, state: Path, machine: dict[str, Any]) -> Iterator[Server]:
    """A server with a state of its own and the extension in it; `machine` are settings of this machine."""
    user, server, extensions = (state / name for name in ("user", "server", "extensions"))
    for folder, settings in ((user / "User", SETTINGS), (user / "Machine", machine)):
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(settings), "utf-8")
    places = [
        *("--server-data-dir", str(server)),
        *("--user-data-dir", str(user)),
        *("--extensions-dir", str(extensions)),
        "--accept-server-license-terms",
    ]
    environment = {**os.environ, "EXTENSIONS_GALLERY": "{}", "OMP_NUM_THREADS": "1"}
    if vsix is not None:
        install(vscode, [vsix, _packed(PYTHON_EXTENSION, state)], places, environment)
    log = state / "server.log"
    wanted = ["--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--telemetry-level", "off"]
    wanted.append("--enable-smoke-test-driver")  # without it 1.139.1 runs no tests in its extension host
    with (
        log.open("wb") as written,
        subprocess.Popen(
            vscode.command(*wanted, *places),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Server(vscode, process, state, _port(process, log))
        finally:
            left = _below(process.pid)
            _signal_group(process, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
            for pid, told in left.items():  # what outlives its editor would be in everybody's way
                if _command(pid) == told:
                    os.kill(pid, signal.SIGKILL)


def install(vscode: Vscode, packed: list[Path], places: list[str], environment: dict[str, str]) -> None:
    """Install packed extensions as a person does."""
    wanted = [word for each in packed for word in ("--install-extension", str(each))]
    done = subprocess.run(
        vscode.command(*wanted, "--force", *places),
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stdout + done.stderr
    if done.returncode or told.count("successfully installed") != len(packed):
        raise AssertionError(f"VS Code does not install {[each.name for each in packed]}:\n{told[-3000:]}")


def _packed(folder: Path, into: Path) -> Path:
    """An extension that is nothing but its files, as one file to install."""
    packed = into / f"{folder.name}.vsix"
    with zipfile.ZipFile(packed, "w") as archive:
        for each in folder.iterdir():
            archive.write(each, f"extension/{each.name}")
    return packed


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that it listens on, as soon as it says so."""
    for _ in range(1200):
        found = re.search(rb"Extension host agent listening on (\d+)", log.read_bytes())
        if found:
            return int(found[1])
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(
        f"the VS Code server does not listen:\n{log.read_text('utf-8', errors='replace')[-3000:]}"
    )


def _below(root: int) -> dict[int, str]:
    """All processes that descend from it, with their command lines."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            found[pid] = _command(pid)
            waiting.append(pid)
    return found


def _command(pid: int) -> str:
    """The command line of a process; nothing, if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _signal_group(process: subprocess.Popen[bytes], wanted: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, wanted)
