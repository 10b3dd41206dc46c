"""The language server over standard input and output, as editors start it.

The protocol owns the real standard output; what a model's code prints goes to standard error.
"""

import asyncio
import os
import stat
import sys
from threading import Event
from typing import TYPE_CHECKING, Final

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from s2sdap.language.server import SentencesServer, make_server

if TYPE_CHECKING:
    from pygls.io_ import AsyncReader

SWITCH: Final = 0.001
"""Seconds after which threads change places: a decode gives its place away at every operation of torch."""
LONGEST_HEADER: Final = 1024 * 1024
"""Bytes of a header's line that are read."""


def run_language_server() -> None:
    """Serve one client; the process ends when it is gone."""
    sys.setswitchinterval(SWITCH)
    protocol_out = os.fdopen(os.dup(1), "wb")
    own = _is_own_pipe()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    server = make_server()
    server.protocol.set_writer(StdoutWriter(protocol_out))
    try:
        asyncio.run(_serve(server, own))
    except (ConnectionError, EOFError, KeyboardInterrupt):  # the client is gone, perhaps within a message
        pass
    except SystemExit as end:  # `exit`, which tells whether `shutdown` came before
        _leave(end.code if isinstance(end.code, int) else 0)
    _leave(0)


async def _serve(server: SentencesServer, own: bool) -> None:
    reader = await _reader() if own else StdinAsyncReader(sys.stdin.buffer, server.thread_pool)
    await run_async(Event(), reader, server.protocol, error_handler=server.report_server_error)


async def _reader() -> "AsyncReader":
    """Standard input, read by the loop itself.

    pygls reads in another thread, three times for each message, and each time both threads have to get their
    turn: while a model computes on a busy machine, that was most of what a hover took.
    """
    reader = asyncio.StreamReader(limit=LONGEST_HEADER)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    return reader


def _is_own_pipe() -> bool:
    """Whether standard input can be read without waiting, and nobody else minds that it is."""
    if os.name != "posix":
        return False
    given, written = os.fstat(0), os.fstat(1)
    is_pipe = stat.S_ISFIFO(given.st_mode) or stat.S_ISSOCK(given.st_mode)
    return is_pipe and not os.path.samestat(given, written)


def _leave(code: int) -> None:
    """End at once: a forward pass may be under way, and nobody waits for what comes of it."""
    sys.stderr.flush()
    os._exit(code)
