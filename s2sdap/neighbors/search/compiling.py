"""pynndescent as it is imported: with a place for what numba compiles, half a minute's work the first time.

Numba keeps compiled code beside the source, or else in the person's cache folder. Where neither can be
written pynndescent cannot be imported; then, and only then, a folder of our own is used.
"""

import contextlib
import os
import stat
import tempfile
import threading
from pathlib import Path
from types import ModuleType
from typing import Final

from s2sdap.neighbors.extras import required

_LOCK: Final = threading.Lock()


def pynndescent() -> ModuleType:
    """The package. Raises `neighbors_missing`."""
    return compiled("pynndescent")


def compiled(name: str) -> ModuleType:
    """A module that numba compiles, its cache where it can be written. Raises `neighbors_missing`."""
    with _LOCK:
        numba = required("numba")
        _start_threads(numba)
        config = numba.core.config
        try:
            return required(name)
        except RuntimeError as error:  # numba's "cannot cache function ...: no locator available"
            if "cache" not in str(error):
                raise
        before = config.CACHE_DIR
        config.CACHE_DIR = str(private_folder(Path(tempfile.gettempdir())))
        try:
            return required(name)
        finally:  # numba's other users in this process go on as they were set up
            config.CACHE_DIR = before


def _start_threads(numba: ModuleType) -> None:
    """Let numba start its threads, once a process, and leave torch with as many as it had.

    Both may share one OpenMP. There the thread that starts numba's gets their number for all that it does
    later, and torch on it would compute on as many: more slowly, and with sums in another order.
    """

    def start() -> None:
        with contextlib.suppress(Exception):  # where numba has no threads it says so when they are needed
            numba.get_num_threads()

    starting = threading.Thread(target=start, name="s2sdap numba")
    starting.start()
    starting.join()


def private_folder(parent: Path) -> Path:
    """A folder in `parent` that only this user can write, the same each time where that can be had.

    Numba reads its cache as pickles: whoever could write there could run code as this user.
    """
    if hasattr(os, "getuid"):
        folder = parent / f"s2sdap-numba-{os.getuid()}"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
                return folder
    return Path(tempfile.mkdtemp(prefix="s2sdap-numba-", dir=parent))
