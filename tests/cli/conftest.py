"""The real command line in a process of its own, as a person runs it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from command_line import words
from warm_processes import CAN_FORK, PATIENCE, WarmProcesses, warm_processes

from s2sdap.models.loading import load_model

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmProcesses | None]:
    """Where commands are forked from; `None` where processes cannot be forked."""
    if not CAN_FORK:
        yield None
        return
    with warm_processes(dict(os.environ)) as warm:
        yield warm


@pytest.fixture(scope="session")
def s2sdap(warm) -> Command:
    """Run `s2sdap ARGUMENTS` to its end; standard output and error come back as text.

    It is forked, unless it wants an environment of its own.
    """

    def run(
        *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        if warm is None or environment:
            return started(words(*arguments), stdin, cwd, environment)
        return forked(warm, [str(each) for each in arguments], stdin, cwd)

    return run


def started(
    words: list[str], stdin: bytes, cwd: Path | None, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """A process that is started like any other."""
    done = subprocess.run(
        words,
        input=stdin,
        capture_output=True,
        cwd=cwd,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def forked(
    warm: WarmProcesses, arguments: list[str], stdin: bytes, cwd: Path | None
) -> subprocess.CompletedProcess[str]:
    """A process that is forked; it reads from a file and writes to files, so neither side waits."""
    with contextlib.ExitStack() as files:
        given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        with warm.fork(arguments, [each.fileno() for each in (given, out, err)], cwd) as ending:
            code = int(ending.recv(64))
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
        return subprocess.CompletedProcess(arguments, code, *said)


@pytest.fixture(scope="module")
def dates():
    """The bundled model, under as many threads as a launch uses: sums in another order differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model("dates")
    torch.set_num_threads(threads)
