"""The real command line in a process of its own, as a person runs it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from command_line import words

from s2sdap.models.loading import load_model

SECONDS = 60
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def s2sdap() -> Command:
    """Run `s2sdap ARGUMENTS` to its end; standard output and error come back as text."""

    def run(
        *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words(*arguments),
            input=stdin,
            capture_output=True,
            cwd=cwd,
            timeout=SECONDS,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run


@pytest.fixture(scope="module")
def dates():
    """The bundled model, under as many threads as a launch uses: sums in another order differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model("dates")
    torch.set_num_threads(threads)
