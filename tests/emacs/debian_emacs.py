"""A real Emacs with dap-mode, from Debian's packages: `python tests/emacs/debian_emacs.py`.

An Emacs of this machine that has dap-mode serves. Else the packages are fetched by `apt-get` and unpacked,
once, into `build/emacs` or the folder that `S2SDAP_EMACS` names. Nothing is installed, no script of a
package runs, and no rights of root are needed.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("emacs-nox", "elpa-dap-mode")
PATIENCE = 300
"""Seconds for what is fetched, on a slow line."""


class NoEmacsError(Exception):
    """There is no Emacs with dap-mode and none can be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Emacs:
    """How an Emacs is started, and where its packages lie as sources."""

    command: list[str]
    packages: Path
    environment: dict[str, str] = field(default_factory=dict)

    def batch(self, *words: str) -> list[str]:
        """The command that loads files and ends, with every package of Debian at hand."""
        paths = [word for folder in sorted(self.packages.iterdir()) for word in ("-L", str(folder))]
        # What is compiled by and by would be compiled while the test runs, and thrown away.
        quick = ["--eval", "(setq native-comp-deferred-compilation nil)"]
        return [*self.command, "-Q", "--batch", *quick, *paths, *words]


def cache() -> Path:
    """Where the packages are unpacked."""
    named = os.environ.get("S2SDAP_EMACS")
    return Path(named) if named else ROOT / "build" / "emacs"


def emacs() -> Emacs:
    """An Emacs with dap-mode, of this machine or freshly unpacked. Raises `NoEmacsError`."""
    own, sources = shutil.which("emacs"), Path("/usr/share/emacs/site-lisp/elpa-src")
    if own and any(sources.glob("dap-mode-*")):
        return Emacs([own], sources)
    folder = cache()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if not folder.is_dir():
            _unpack(folder)
    return _unpacked(folder)


def _unpacked(folder: Path) -> Emacs:
    """An Emacs that does not lie where it was built for: it is told where its parts are."""
    usr = folder / "usr"
    program = next(usr.glob("bin/emacs-nox"), None)
    (dump,) = usr.glob("libexec/emacs/*/*/emacs.pdmp") if program else (None,)
    if program is None or dump is None:
        raise NoEmacsError(f"{folder} holds no Emacs: remove it, and it is unpacked again.")
    version = dump.parents[1].name
    share = usr / "share" / "emacs" / version
    below = sorted(each for each in (share / "lisp").rglob("*") if each.is_dir() and each.name != "obsolete")
    environment = {
        "EMACSLOADPATH": os.pathsep.join(map(str, [share / "lisp", *below])),
        "EMACSDATA": str(share / "etc"),
        "EMACSDOC": str(share / "etc"),
        "EMACSPATH": str(dump.parent),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, usr.glob("lib/*-linux-gnu*"))),
    }
    packages = usr / "share" / "emacs" / "site-lisp" / "elpa-src"
    return Emacs([str(program), f"--dump-file={dump}"], packages, environment)


def _unpack(folder: Path) -> None:
    """Fetch the packages that this machine lacks, and unpack them."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoEmacsError("no Emacs with dap-mode on this machine, and no apt-get to fetch one with")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    archives = partial / "archives"
    (archives / "partial").mkdir(parents=True)
    print("Emacs: fetching it and dap-mode (50 MB) ...", file=sys.stderr, flush=True)
    apt = ["apt-get", "--quiet", *_options("Debug::NoLocking=1", f"Dir::Cache::archives={archives}")]
    fetch = ["install", "--yes", "--download-only", "--no-install-recommends", *PACKAGES]
    try:
        _run([*apt, *fetch])
    except NoEmacsError:  # this machine has no lists of packages, or old ones: read them, beside its own
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


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise NoEmacsError(f"`{command[0]}` cannot bring Emacs: {done.stderr[-1000:]}")


def main() -> None:
    """Have one, and say where."""
    try:
        found = emacs()
    except NoEmacsError as problem:
        raise SystemExit(str(problem)) from None
    print(*found.command)


if __name__ == "__main__":
    main()
