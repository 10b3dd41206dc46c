"""The real command line in a process of its own, as a person runs it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from warm_processes import ColdProcesses

from s2sdap.models.loading import load_model

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def s2sdap(warm) -> Command:
    """Run `s2sdap ARGUMENTS` to its end; standard output and error come back as text.

    It is forked, unless it wants an environment of its own.
    """

    def run(
        *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        processes = ColdProcesses() if environment else warm
        words = ["-m", "s2sdap", *arguments]
        return processes.run(words, stdin, folder=cwd, environment={**os.environ, **environment})

    return run


@pytest.fixture(scope="module")
def dates():
    """The bundled model, under as many threads as a launch uses: sums in another order differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model("dates")
    torch.set_num_threads(threads)
