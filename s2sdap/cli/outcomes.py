"""How a command ends: its exit code, and one line for whoever has to mend something."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO, Final

from s2sdap.vocabulary.errors import S2sdapError

DONE: Final = 0
FIRED: Final = 1
"""`run`: a rule fired. `doctor`: something does not work."""
REFUSED: Final = 2
"""Bad input, a bad setting, or a sentence that could not be decoded."""
INTERRUPTED: Final = 130


@contextlib.contextmanager
def ending_in_one_line() -> Iterator[None]:
    """Turn what a person can mend into one line on standard error and an exit code; no traceback."""
    try:
        yield
    except S2sdapError as error:
        say(error)
        raise SystemExit(REFUSED) from None
    except BrokenPipeError:  # whoever read our output has seen enough
        leave_standard_output()
        raise SystemExit(DONE) from None
    except OSError as error:
        say(in_words(error))
        raise SystemExit(REFUSED) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def say(what: object) -> None:
    """One line on standard error."""
    print(" ".join(str(what).splitlines()), file=sys.stderr)


def in_words(error: OSError) -> str:
    """What the system refused, and where."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"s2sdap: {reason}"
    return str(S2sdapError("file_refused", path=error.filename, reason=reason))


@contextlib.contextmanager
def writing(name: str) -> Iterator[None]:
    """Have a refusal of the system say which file it is about, which a write by itself does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = name
        raise


def write(file: IO[bytes], data: bytes) -> None:
    """Write all of `data`, so that whoever reads the file sees it."""
    with writing("standard output" if file.name == "<stdout>" else str(file.name)):
        file.write(data)
        file.flush()


def leave_standard_output() -> None:
    """Stop writing to a pipe that nobody reads, so that the last flush of the process is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    real = sys.__stdout__ or sys.stdout  # `sys.stdout` may be standard error, while a model's code runs
    os.dup2(nowhere, real.fileno())
    os.close(nowhere)
