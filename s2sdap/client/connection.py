"""The plumbing of the client: requests and their answers, and a log of the events.

Every wait ends: with what it waited for, a refusal (`Refused`), the loss of the connection
(`connection_lost`) or the end of its time (`no_answer`). Events are logged as they come in, so one
that came before somebody began to wait for it is found all the same.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from heapq import merge
from typing import Any, Final, TypeVar

import msgspec

from s2sdap.client.refusals import refusal_in
from s2sdap.client.transports import Channel
from s2sdap.client.writing import written
from s2sdap.protocol import bodies
from s2sdap.protocol.envelopes import ErrorBody, ErrorMessage, Incoming, Request, Response
from s2sdap.protocol.framing import MAX_BODY
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")

EVENTS_KEPT: Final = 10_000
"""Of each name, so that a flood of output never pushes a stop out of the log."""
_LAST_EVENTS: Final = ("exited", "terminated")
_ORDINARY_OUTPUT: Final = ("stdout", "telemetry")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as it came in, numbered in the order of arrival."""

    index: int
    name: str
    body: bytes

    def read(self, body: type[T]) -> T:
        """Its body, as that type."""
        return read(self.body, body, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A request that has been sent."""

    seq: int
    command: str
    answer: asyncio.Future[bytes]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    names: tuple[str, ...]
    event: asyncio.Future[LoggedEvent]


class Connection:
    """A channel with a reader. To be made, used and closed on one running event loop."""

    def __init__(self, channel: Channel, *, timeout: float = 30.0) -> None:
        self.timeout = timeout
        self._channel = channel
        self._seq = 0
        self._count = 0
        self._pending: dict[int, Pending] = {}
        self._events: dict[str, deque[LoggedEvent]] = {}
        self._waiters: list[_Waiter] = []
        self._replies: set[asyncio.Task[None]] = set()
        self._said = ""
        self._lost: str | None = None
        self._reader = asyncio.create_task(self._read())

    # ---- requests ----------------------------------------------------------------------------

    async def request(self, command: str, arguments: Any = None, *, timeout: float | None = None) -> bytes:
        """Send a request and wait for its answer: the body as JSON, `null` where there is none."""
        return await self.answer(await self.send(command, arguments), timeout=timeout)

    async def ask(self, command: str, arguments: Any, answer: type[T], *, timeout: float | None = None) -> T:
        """The same, with the body read as the type `answer`."""
        return read(await self.request(command, arguments, timeout=timeout), answer, command)

    async def send(self, command: str, arguments: Any = None) -> Pending:
        """Send a request whose answer is waited for later, with `answer`."""
        self._check()
        self._seq += 1
        pending = Pending(self._seq, command, asyncio.get_running_loop().create_future())
        self._pending[pending.seq] = pending
        try:
            await self._write(written(Request(pending.seq, command, arguments)), command)
        except BaseException:
            self._pending.pop(pending.seq, None)
            raise
        return pending

    async def answer(self, pending: Pending, *, timeout: float | None = None) -> bytes:
        """Wait for the answer to a request. Raises `Refused`."""
        try:
            return await self._within(pending.answer, timeout, f"answer to `{pending.command}`")
        finally:
            self._pending.pop(pending.seq, None)

    # ---- events ------------------------------------------------------------------------------

    @property
    def mark(self) -> int:
        """How many events have come; a wait `since` a mark sees those that came after it."""
        return self._count

    def events(self, *names: str, since: int = 0) -> list[LoggedEvent]:
        """The logged events of these names, or all, in the order in which they came."""
        logs = [self._events.get(name, ()) for name in names] if names else [*self._events.values()]
        return [event for event in merge(*logs, key=lambda event: event.index) if event.index >= since]

    async def wait_for(
        self, *names: str, since: int, timeout: float | None = None, unless: Pending | None = None
    ) -> LoggedEvent:
        """The first event of these names since a mark. If `unless` is refused first, that is raised."""
        if logged := self.events(*names, since=since):
            return logged[0]
        self._check()
        waiter = _Waiter(names, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)

        def give_up(answer: asyncio.Future[bytes]) -> None:
            if not answer.cancelled() and (refusal := answer.exception()) and not waiter.event.done():
                waiter.event.set_exception(refusal)

        if unless is not None:
            unless.answer.add_done_callback(give_up)
        try:
            return await self._within(waiter.event, timeout, " or ".join(f"`{name}` event" for name in names))
        finally:
            self._waiters.remove(waiter)
            if unless is not None:
                unless.answer.remove_done_callback(give_up)

    # ---- the end -----------------------------------------------------------------------------

    @property
    def lost(self) -> bool:
        """Whether the connection is gone, from either side."""
        return self._lost is not None

    async def close(self) -> None:
        """Close the channel. What still waits for something gets `connection_lost`."""
        await self._channel.close()
        await asyncio.wait({self._reader}, timeout=self.timeout)
        self._reader.cancel()
        for reply in self._replies:
            reply.cancel()
        self._lose("it was closed from this side")

    # ---- inside ------------------------------------------------------------------------------

    async def _within(self, wanted: asyncio.Future[T], timeout: float | None, what: str) -> T:
        seconds = self.timeout if timeout is None else timeout
        await asyncio.wait({wanted}, timeout=seconds)
        if not wanted.done():
            raise S2sdapError("no_answer", what=what, seconds=f"{seconds:g}")
        return wanted.result()

    async def _write(self, message: bytes, command: str) -> None:
        if len(message) > MAX_BODY:
            raise S2sdapError("too_large", size=len(message), limit=MAX_BODY)
        limit = asyncio.timeout(self.timeout)
        try:
            async with limit:
                await self._channel.send(message)
        except TimeoutError:
            if not limit.expired():
                raise
            raise S2sdapError(
                "no_answer", what=f"reader for `{command}`", seconds=f"{self.timeout:g}"
            ) from None
        except OSError as error:
            # The reader knows better why: give it the time to read what the adapter said last.
            await asyncio.wait({self._reader}, timeout=self.timeout)
            self._lose(str(error))
            raise self._loss() from error

    async def _read(self) -> None:
        try:
            while (message := await self._channel.receive()) is not None:
                self._take(msgspec.json.decode(message, type=Incoming))
            word = self._said or await self._channel.last_words()
        except msgspec.DecodeError as error:
            word = f"it sent what is no message of the protocol ({error})"
        except S2sdapError as error:
            word = self._said or error.what
        except OSError as error:
            word = self._said or str(error)
        except asyncio.CancelledError:
            self._lose("")
            raise
        self._lose(word)

    def _take(self, message: Incoming) -> None:
        if message.type == "response":
            self._take_answer(message)
        elif message.type == "event":
            self._take_event(LoggedEvent(self._count, message.event, bytes(message.body)))
        else:
            reply = asyncio.create_task(self._decline(message.seq, message.command))
            self._replies.add(reply)
            reply.add_done_callback(self._replies.discard)

    def _take_answer(self, message: Incoming) -> None:
        pending = self._pending.pop(message.request_seq, None)
        self._said = ""
        if message.success:
            if pending is not None and not pending.answer.done():
                pending.answer.set_result(bytes(message.body))
            return
        refusal = refusal_in(message)
        if pending is None:  # an error about the connection itself: what it says before it closes
            self._said = refusal.what
        elif not pending.answer.done():
            _fail(pending.answer, refusal)

    def _take_event(self, event: LoggedEvent) -> None:
        self._count += 1
        self._events.setdefault(event.name, deque(maxlen=EVENTS_KEPT)).append(event)
        if event.name not in _LAST_EVENTS:
            self._said = _closing_word(event)
        for waiter in self._waiters:
            if event.name in waiter.names and not waiter.event.done():
                waiter.event.set_result(event)

    async def _decline(self, seq: int, command: str) -> None:
        """Answer a request of the adapter: there is none that a script can do."""
        error = S2sdapError("reverse_request", command=command)
        body = ErrorBody(ErrorMessage(id=error.number, format=str(error)))
        self._seq += 1
        response = Response(self._seq, seq, success=False, command=command, message=error.name, body=body)
        with contextlib.suppress(S2sdapError):  # the loss shows in every other wait
            await self._write(msgspec.json.encode(response), command)

    def _check(self) -> None:
        if self._lost is not None:
            raise self._loss()

    def _loss(self) -> S2sdapError:
        return S2sdapError("connection_lost", word=f": {self._lost}" if self._lost else "")

    def _lose(self, word: str) -> None:
        """Note the loss, and tell everybody who waits; a first reason stays."""
        if self._lost is not None:
            return
        self._lost = word.rstrip(".")
        for pending in self._pending.values():
            _fail(pending.answer, self._loss())
        for waiter in self._waiters:
            _fail(waiter.event, self._loss())


def read(body: bytes, kind: type[T], what: str) -> T:
    """A body as that type. Raises `unreadable`, should the adapter be of another release."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise S2sdapError("unreadable", what=what, reason=error) from error


def _fail(future: asyncio.Future[Any], error: S2sdapError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # looked at: a future that nobody waits for any more is no news for the log


def _closing_word(event: LoggedEvent) -> str:
    """What this event would say of a connection that is lost right after it."""
    if event.name != "output":
        return ""
    try:
        output = event.read(bodies.Output)
    except S2sdapError:
        return ""
    return "" if output.category in _ORDINARY_OUTPUT else output.output.strip()
