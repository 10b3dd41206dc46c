"""Editors for the tests, from Debian's packages: fetched by `apt-get` and unpacked, once, into a folder.

Nothing is installed, no script of a package runs, and no rights of root are needed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

BUILD = Path(__file__).resolve().parents[1] / "build"
PATIENCE = 300
"""Seconds for what is fetched, on a slow line."""


class NotToBeHadError(Exception):
    """A program is not on this machine and cannot be brought; the text says why and what to do."""


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """The folder with some packages, and with those that they need and this machine lacks.

    It is `build/NAME`, or what `S2SDAP_NAME` says. Raises `NotToBeHadError`.
    """
    named = os.environ.get(f"S2SDAP_{name.upper()}")
    folder = Path(named) if named else BUILD / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if not folder.is_dir():
            _unpack(folder, packages)
    return folder


def _unpack(folder: Path, packages: Sequence[str]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotToBeHadError(f"no {folder.name} on this machine, and no apt-get to fetch one with")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    archives = partial / "archives"
    (archives / "partial").mkdir(parents=True)
    print(f"Fetching {' and '.join(packages)} of Debian ...", file=sys.stderr, flush=True)
    apt = ["apt-get", "--quiet", *_options("Debug::NoLocking=1", f"Dir::Cache::archives={archives}")]
    fetch = ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
    try:
        _run([*apt, *fetch])
    except NotToBeHadError:  # this machine has no lists of packages, or old ones: read them, beside its own
        lists = partial / "lists"
        (lists / "partial").mkdir(parents=True)
        apt += _options(f"Dir::State::lists={lists}", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=")
        _run([*apt, "update"])
        _run([*apt, *fetch])
        shutil.rmtree(lists)
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(partial)])
    shutil.rmtree(archives)
    partial.rename(folder)


def libraries(folder: Path) -> str:
    """The folders of shared libraries in what was unpacked, as `LD_LIBRARY_PATH` takes them."""
    return os.pathsep.join(map(str, (folder / "usr").glob("lib/*-linux-gnu*")))


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise NotToBeHadError(f"`{command[0]}` cannot bring what is needed: {done.stderr[-1000:]}")
