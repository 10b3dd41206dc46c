"""A script that gets a signal at an exact moment: as it is about to replace a file for the nth time.

Waiting for the file and sending the signal then would be a race, which a script may win by coming to its end.
"""

import signal
from pathlib import Path

_WRITTEN = """
import os, runpy, sys

file, nth, which, *sys.argv = sys.argv[1:]
left = int(nth)


def heard(event, arguments):
    global left
    if event == "os.rename" and os.path.basename(arguments[1]) == file:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), int(which))


sys.addaudithook(heard)
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def signalled(script: Path, which: signal.Signals, file: str, nth: int) -> list[str]:
    """What follows `python` in place of the script; its arguments follow."""
    return ["-c", _WRITTEN, file, str(nth), str(int(which)), str(script)]
