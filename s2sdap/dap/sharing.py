"""A session that several clients are connected to: its owner, who may come back, and those who watch.

To the connection all of it is one channel. Events go to everybody, an answer to whoever asked. The numbers
of an observer's requests are replaced by numbers that no owner counts to, so that they meet nobody else's.
An observer may ask whatever changes nothing; an owner who is gone gets some seconds to come back (a page
that is loaded again, see `returning`) before the session ends, and hears then what was written to the console
meanwhile.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from s2sdap.dap.channels import Channel
from s2sdap.dap.returning import Arrivals
from s2sdap.protocol.envelopes import ErrorBody, ErrorMessage, Response
from s2sdap.vocabulary.errors import S2sdapError

OBSERVERS: Final = 8
"""Observers of a session at most."""
UNREAD: Final = 2000
"""Messages waiting to be read from which an observer counts as gone."""
CLOSING_SECONDS: Final = 0.5
NUMBERS_FROM: Final = 1 << 48
"""Where the numbers of observers' requests begin (the protocol wants them above 0)."""
KEPT: Final = 500
"""Lines of the console that are kept for who comes later."""
WATCHING: Final = frozenset(
    """
    threads stackTrace scopes variables readMemory evaluate completions exceptionInfo source loadedSources
    breakpointLocations s2s/step s2s/attention s2s/beam s2s/tree s2s/decode s2s/columns s2s/vectors s2s/walk
    s2s/weights s2s/results s2s/sentences s2s/models s2s/state s2s/branches s2s/edits s2s/exportEdits
    s2s/compare s2s/reference s2s/neighbors s2s/nearestTokens s2s/projection
    """.split()  # noqa: SIM905 - one word a name reads better than a list of strings
)
"""Requests that change nothing, which an observer may send."""


class _Envelope(msgspec.Struct):
    """What must be known of a message to send it on."""

    type: str = ""
    seq: int = 0
    command: str = ""
    event: str | None = None
    request_seq: int | None = None
    arguments: msgspec.Raw = msgspec.Raw(b"null")


class _Context(msgspec.Struct):
    """Of the arguments of `evaluate`: a command of the console changes what it is about."""

    context: str = "watch"


class _Observer:
    """Who watches: messages go out by themselves, so that one who does not read holds nobody up."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    async def send(self, body: bytes) -> None:
        """Put a message on its way; whoever is too far behind is let go of."""
        if self._outgoing.qsize() > UNREAD:
            await self.leave()
        else:
            self._outgoing.put_nowait(body)

    async def _write(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self.channel.send(await self._outgoing.get())

    async def leave(self) -> None:
        """Close the channel once a little time was given to what is on its way."""
        self._writing.cancel()
        while not self._outgoing.empty():
            body = self._outgoing.get_nowait()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self.channel.send(body), CLOSING_SECONDS)
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.channel.close(), CLOSING_SECONDS)


class Shared:
    """The channel of a session with an owner and observers. `take` and `watch` last as long as theirs do."""

    def __init__(self, *, authenticated: bool, arrivals: Arrivals | None = None) -> None:
        """A channel without an owner yet; with `arrivals` it waits for one who is gone."""
        self.authenticated = authenticated
        self._arrivals = arrivals
        self._incoming: asyncio.Queue[bytes | S2sdapError | None] = asyncio.Queue()
        self._owner: Channel | None = None
        self._observers: list[_Observer] = []
        self._asked: dict[int, tuple[_Observer, int]] = {}
        self._next = NUMBERS_FROM
        self._hello: msgspec.Raw | None = None
        self._greeting: int | None = None
        self._written: deque[bytes] = deque(maxlen=KEPT)
        self._leaving: asyncio.TimerHandle | None = None
        self.over = False
        """Whether the session ends or has ended: nobody can come back to it."""

    # ---- what a connection needs of a channel ------------------------------------------------

    async def receive(self) -> bytes | None:
        """See `Channel`."""
        message = await self._incoming.get()
        if isinstance(message, S2sdapError):
            raise message
        return message

    async def send(self, body: bytes) -> None:
        """See `Channel`. Whoever is gone is passed over; a lost owner may come back."""
        told = msgspec.json.decode(body, type=_Envelope)
        if told.type == "event":
            if told.event == "output":
                self._written.append(body)
            await _send(self._owner, body)
            for each in list(self._observers):
                await each.send(body)
            return
        asker = self._asked.pop(told.request_seq or 0, None)
        if asker is None:
            if told.request_seq is not None and told.request_seq == self._greeting:
                self._hello, self._greeting = _body_of(body), None
            await _send(self._owner, body)
        else:
            observer, number = asker
            await observer.send(_changed(body, request_seq=number))

    async def close(self) -> None:
        """See `Channel`."""
        self.over = True
        if self._leaving is not None:
            self._leaving.cancel()
        for observer in list(self._observers):
            await observer.leave()
        if self._owner is not None:
            with contextlib.suppress(OSError):
                await self._owner.close()

    # ---- those who are connected -------------------------------------------------------------

    async def take(self, channel: Channel, left: Callable[[], bool] = lambda: False) -> None:
        """Be the owner, in the place of whoever was, until it ends; then `left` says if by a goodbye."""
        before, self._owner = self._owner, channel
        if self._leaving is not None:
            self._leaving.cancel()
        if before is not None:
            await before.close()
        for written in list(self._written) if self._hello is not None else ():
            await _send(channel, written)
        try:
            while (body := await channel.receive()) is not None:
                if self._hello is None and self._greeting is None:
                    self._greeting = _number_of_initialize(body)
                self._incoming.put_nowait(body)
        except S2sdapError as error:  # what follows in a broken stream cannot be trusted
            self._incoming.put_nowait(error)
        if self._owner is channel:
            self._owner = None
            self._leave(left())

    def _leave(self, left: bool) -> None:
        """The owner is gone: end now, or in a while unless somebody comes back."""
        if self._arrivals is None or self.over:
            self._end()
            return
        waits, loop = self._arrivals.waits, asyncio.get_running_loop()
        if left:
            self._leaving = loop.call_later(waits.left, self._not_back, self._arrivals)
        else:
            self._leaving = loop.call_later(waits.cut_off, self._end)

    def _not_back(self, arrivals: Arrivals) -> None:
        """The owner said goodbye and has not come back: end, unless a page is on its way."""
        if arrivals.expected():
            rest = arrivals.waits.cut_off - arrivals.waits.left
            self._leaving = asyncio.get_running_loop().call_later(rest, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.over = True
        self._incoming.put_nowait(None)

    async def watch(self, channel: Channel) -> None:
        """Observe until the channel, or the session, ends."""
        if len(self._observers) >= OBSERVERS or self.over:
            await channel.close()
            return
        observer = _Observer(channel)
        self._observers.append(observer)
        try:
            for written in list(self._written):
                await observer.send(written)
            while (body := await channel.receive()) is not None:
                if not await self._asked_by(observer, body):
                    break
        except S2sdapError:
            pass  # a stream that is broken is at its end
        finally:
            self._observers.remove(observer)
            self._asked = {seq: asker for seq, asker in self._asked.items() if asker[0] is not observer}
            await observer.leave()

    async def _asked_by(self, observer: _Observer, body: bytes) -> bool:
        """Pass an observer's request on, or answer it. Tells whether there may be more of them."""
        try:
            asked = msgspec.json.decode(body, type=_Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
        if asked.type != "request":
            return True
        if asked.command == "initialize" and self._hello is not None:
            await observer.send(_answer(asked, self._hello))
        elif asked.command == "disconnect":
            await observer.send(_answer(asked))
            return False
        elif asked.command not in WATCHING or _commands(asked):
            error = S2sdapError("only_watching", command=asked.command[:100])
            await observer.send(_refusal(asked, error))
        else:
            self._next += 1
            self._asked[self._next] = (observer, asked.seq)
            self._incoming.put_nowait(_changed(body, seq=self._next))
        return True


def _commands(asked: _Envelope) -> bool:
    """Whether a request may be a command of the console."""
    if asked.command != "evaluate":
        return False
    try:
        return msgspec.json.decode(asked.arguments, type=_Context).context == "repl"
    except msgspec.DecodeError:
        return False


def _number_of_initialize(body: bytes) -> int | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        asked = msgspec.json.decode(body, type=_Envelope)
        return asked.seq if asked.command == "initialize" else None
    return None


def _body_of(body: bytes) -> msgspec.Raw:
    return msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("body", msgspec.Raw(b"{}"))


def _changed(body: bytes, **numbers: int) -> bytes:
    """A message with other numbers; everything else stays as it was written."""
    message: dict[str, Any] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**message, **numbers})


def _answer(asked: _Envelope, body: Any = None) -> bytes:
    return msgspec.json.encode(Response(0, asked.seq, True, asked.command, None, body))


def _refusal(asked: _Envelope, error: S2sdapError) -> bytes:
    body = ErrorBody(ErrorMessage(id=error.number, format=str(error), show_user=True))
    return msgspec.json.encode(Response(0, asked.seq, False, asked.command, error.what, body))


async def _send(channel: Channel | None, body: bytes) -> None:
    if channel is not None:
        with contextlib.suppress(OSError):
            await channel.send(body)
