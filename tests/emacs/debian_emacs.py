"""A real Emacs with dap-mode: that of this machine, or one from Debian's packages."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from debian_packages import NotToBeHadError, libraries, unpacked

PACKAGES = ("emacs-nox", "elpa-dap-mode")


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


def emacs() -> Emacs:
    """An Emacs with dap-mode, of this machine or freshly unpacked. Raises `NotToBeHadError`."""
    own, sources = shutil.which("emacs"), Path("/usr/share/emacs/site-lisp/elpa-src")
    if own and any(sources.glob("dap-mode-*")):
        return Emacs([own], sources)
    return _unpacked(unpacked("emacs", PACKAGES))


def _unpacked(folder: Path) -> Emacs:
    """An Emacs that does not lie where it was built for: it is told where its parts are."""
    usr = folder / "usr"
    program = next(usr.glob("bin/emacs-nox"), None)
    (dump,) = usr.glob("libexec/emacs/*/*/emacs.pdmp") if program else (None,)
    if program is None or dump is None:
        raise NotToBeHadError(f"{folder} holds no Emacs: remove it, and it is unpacked again.")
    version = dump.parents[1].name
    share = usr / "share" / "emacs" / version
    below = sorted(each for each in (share / "lisp").rglob("*") if each.is_dir() and each.name != "obsolete")
    environment = {
        "EMACSLOADPATH": os.pathsep.join(map(str, [share / "lisp", *below])),
        "EMACSDATA": str(share / "etc"),
        "EMACSDOC": str(share / "etc"),
        "EMACSPATH": str(dump.parent),
        "LD_LIBRARY_PATH": libraries(folder),
    }
    packages = usr / "share" / "emacs" / "site-lisp" / "elpa-src"
    return Emacs([str(program), f"--dump-file={dump}"], packages, environment)
