"""The real command line, in a process of its own, as a person runs it, or in this one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from built_index import built, corpora, index  # noqa: F401 (fixtures of `s2sdap index`)
from warm_processes import ColdProcesses

from s2sdap.cli import main
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


@pytest.fixture
def here(monkeypatch, capsys) -> Iterator[Command]:
    """The command in this process, which has its imports done: the same entry point, output and exit code."""
    threads = torch.get_num_threads()

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["s2sdap", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, said.out, said.err)

    yield run
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def dates():
    """The bundled model, under as many threads as a launch uses: sums in another order differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model("dates")
    torch.set_num_threads(threads)
