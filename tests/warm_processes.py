"""Pythons that are forked from one that has torch already: most of the time of a short process goes to that.

A fork is as good as a start for what a program does once it runs; that it starts at all, with what it
imports, and what its last moments say, is tested elsewhere by starting it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self

PATIENCE = 100.0
"""Seconds after which a wait has failed: less than a test may take, and more than anything does, also where
many other processes run."""
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
HUGGING_FACE = ("s2sdap.models.huggingface.loading", "transformers.models.marian.modeling_marian")
"""What a process that works with a model of Hugging Face imports."""

_FORKING = """
import atexit, gc, importlib, json, os, runpy, signal, socket, sys, threading, traceback, warnings
import torch
import s2sdap.cli.commands, s2sdap.cli.run, s2sdap.dap.lowering, s2sdap.dap.stdio, s2sdap.debugger.session
import s2sdap.models.rnn.model

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
control = socket.socket(fileno=int(sys.argv[1]))
gc.freeze()  # a fork that looked through all that is torch's would copy it


def running(words):
    # as `python WORDS`
    if words[0] == "-W":
        warnings.simplefilter(words[1])
        words = words[2:]
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), main.__dict__)
    elif words[0] == "-m":
        sys.argv = words[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
        runpy.run_path(words[0], run_name="__main__")


def ended(words):
    # The exit code, after all that Python does at its end but for taking torch apart, which takes long.
    code = 0
    try:
        running(words)
    except SystemExit as leaving:
        code = leaving.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    return code or 0


while True:
    message, descriptors, _, _ = socket.recv_fds(control, 1 << 18, 4)
    if not message:
        break
    asked = json.loads(message)
    for name in asked["imports"]:
        if name not in sys.modules:
            importlib.import_module(name)
            gc.freeze()
    if os.fork() == 0:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        *standard, status = descriptors
        forked = os.fork()
        if forked:  # this one waits for the other, and tells how it ended to whoever still listens
            for descriptor in standard:
                os.close(descriptor)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.write(status, b"%d" % forked)
            _, ended = os.waitpid(forked, 0)
            os.write(status, b"%d" % os.waitstatus_to_exitcode(ended))
            os._exit(0)
        os.close(status)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        more = [each for each in asked["environment"].get("PYTHONPATH", "").split(os.pathsep) if each]
        sys.path[1:1] = [each for each in more if each not in sys.path]
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.__stderr__ = open(
            2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
        )
        main = sys.modules["__main__"] = type(sys)("__main__")
        main.__builtins__ = __builtins__
        os._exit(ended(asked["words"]))
    for descriptor in descriptors:
        os.close(descriptor)
"""


class Forked:
    """A process that was forked, in what `subprocess.Popen` has of it."""

    returncode: int | None = None
    stdin: IO[str] | None = None
    stdout: IO[str] | None = None
    stderr: IO[str] | None = None

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.pid = self._told(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it the signal that it cannot hear."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to leave."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Its exit code, or its signal as a negative number."""
        if self.returncode is None:
            with self._status:
                self.returncode = self._told(timeout)
        return self.returncode

    def let_go(self) -> None:
        """Do not ask how it ends."""
        self._status.close()

    def _told(self, timeout: float) -> int:
        self._status.settimeout(timeout)
        return int(self._status.recv(64))


class WarmProcesses:
    """Where processes are forked from."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def fork(
        self,
        words: Sequence[Any],
        standard: Sequence[int],
        *,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        imports: Sequence[str] = (),
    ) -> Forked:
        """Fork `python WORDS` with these three descriptors, which stay the caller's, in a folder.

        The environment is this process's where none is given; what torch and others read as they are imported
        is without effect. `imports` are modules that it is to have, as all later ones have them.
        """
        message = {
            "words": [str(each) for each in words],
            "folder": str(folder or Path.cwd()),
            "environment": dict(os.environ) if environment is None else environment,
            "imports": list(imports),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._control, [json.dumps(message).encode()], [*standard, theirs.fileno()])
        return Forked(ours)

    def start(self, words: Sequence[Any], *, errors: IO[Any] | None = None, **options: Any) -> Forked:
        """`python WORDS` with pipes, but for errors that go to a file. Options are those of `fork`."""
        with contextlib.ExitStack() as theirs:
            given, into = os.pipe()
            theirs.callback(os.close, given)
            standard, ours = [given], []
            for file in (None, errors):
                if file is None:
                    reading, writing = os.pipe()
                    theirs.callback(os.close, writing)
                standard.append(writing if file is None else file.fileno())
                ours.append(os.fdopen(reading, encoding="utf-8") if file is None else None)
            forked = self.fork(words, standard, **options)
        forked.stdin = os.fdopen(into, "w", encoding="utf-8")
        forked.stdout, forked.stderr = ours
        return forked

    def run(
        self,
        words: Sequence[Any],
        stdin: bytes = b"",
        *,
        together: bool = False,
        patience: float = PATIENCE,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """`python WORDS` to its end; standard output and error come back as text, or `together` as output.

        It reads from a file and writes to files, so neither side waits. Options are those of `fork`.
        """
        with contextlib.ExitStack() as files:
            given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(stdin)
            given.seek(0)
            to = (given, out, out if together else err)
            code = self.fork(words, [each.fileno() for each in to], **options).wait(patience)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        return subprocess.CompletedProcess([str(each) for each in words], code, *said)


class ColdProcesses:
    """The same where there is no fork: every process is started."""

    def start(
        self,
        words: Sequence[Any],
        *,
        errors: IO[Any] | None = None,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        imports: Sequence[str] = (),
    ) -> "subprocess.Popen[str]":
        """As `WarmProcesses.start`."""
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if errors is None else errors,
            text=True,
            cwd=folder,
            env=environment,
        )

    def run(
        self,
        words: Sequence[Any],
        stdin: bytes = b"",
        *,
        together: bool = False,
        patience: float = PATIENCE,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        imports: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """As `WarmProcesses.run`."""
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            cwd=folder,
            timeout=patience,
            env={**(os.environ if environment is None else environment), "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        said = ((each or b"").decode() for each in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, *said)


@contextlib.contextmanager
def warm_processes() -> Iterator[WarmProcesses]:
    """A process to fork others from."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        ours,
        subprocess.Popen(
            [sys.executable, "-c", _FORKING, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        theirs.close()
        try:
            yield WarmProcesses(ours)
        finally:
            ours.close()
            process.wait(PATIENCE)
