"""One process at a time writes an index. The lock is the system's own, so a killed process leaves none."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

LOCK: Final = ".lock"


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder. Raises `index_busy` where another process has it, or waits for it."""
    with (folder / LOCK).open("a+", encoding="ascii") as file:
        if not _take(file.fileno(), wait=wait):
            file.seek(0)
            holder = file.read(20).strip()
            raise S2sdapError("index_busy", path=folder, who=f" (number {holder})" if holder else "")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield  # closing the file lets the lock go


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, *, wait: bool) -> bool:
        kind = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # a byte far off: the number stays readable
        while True:
            try:
                msvcrt.locking(descriptor, kind, 1)
            except OSError:
                if not wait:
                    return False
            else:
                return True
else:
    import fcntl

    def _take(descriptor: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
