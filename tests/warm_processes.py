"""Processes of the command `s2sdap`, forked from one that has torch already: most of their time goes to that.

A fork is as good as a start for what a command does once it runs; that it starts at all, with what it
imports, is tested elsewhere by starting it.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

PATIENCE = 100.0
"""Seconds after which a wait has failed: less than a test may take, and more than anything does, also where
many other processes run."""
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"

_FORKING = """
import json, os, signal, socket, sys
import torch
import s2sdap.cli.commands, s2sdap.cli.run, s2sdap.dap.lowering, s2sdap.dap.stdio, s2sdap.debugger.session
import s2sdap.models.rnn.model

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
control = socket.socket(fileno=int(sys.argv[1]))
while True:
    message, descriptors, _, _ = socket.recv_fds(control, 65536, 4)
    if not message:
        break
    if os.fork() == 0:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        *standard, status = descriptors
        running = os.fork()
        if running:  # this one waits for the other, and tells how it ended to whoever still listens
            for descriptor in standard:
                os.close(descriptor)
            _, ended = os.waitpid(running, 0)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.write(status, b"%d" % os.waitstatus_to_exitcode(ended))
            os._exit(0)
        os.close(status)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        asked = json.loads(message)
        os.chdir(asked["folder"])
        sys.argv = ["s2sdap", *asked["arguments"]]
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
        from s2sdap.cli import main

        main()
        sys.exit()
    for descriptor in descriptors:
        os.close(descriptor)
"""


class WarmProcesses:
    """Where processes are forked from."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def fork(
        self, arguments: Sequence[str], standard: Sequence[int], folder: Path | None = None
    ) -> socket.socket:
        """Fork `s2sdap ARGUMENTS` with these three descriptors, which stay the caller's, in a folder.

        Its exit code, or its signal as a negative number, is what can be read in the end.
        """
        message = {"arguments": list(arguments), "folder": str(folder or Path.cwd())}
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [json.dumps(message).encode()], [*standard, theirs.fileno()])
        ours.settimeout(PATIENCE)
        return ours


@contextlib.contextmanager
def warm_processes(environment: dict[str, str]) -> Iterator[WarmProcesses]:
    """A process to fork others from, which all get its environment."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        subprocess.Popen(
            [sys.executable, "-c", _FORKING, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
        ) as process,
    ):
        theirs.close()
        try:
            yield WarmProcesses(ours)
        finally:
            ours.close()
            process.wait(PATIENCE)
