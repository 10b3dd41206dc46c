"""A connection: reads messages, has each request answered exactly once, writes in order.

Requests are taken in the order in which they come. A handler that needs the model waits for it as a
task of its own, so the requests behind it are answered meanwhile; `cancel` finds it by its number.
"""

import asyncio
import contextlib
import difflib
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from s2sdap.dap.access import token_matches
from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.attached import Process
from s2sdap.dap.channels import Channel
from s2sdap.dap.dispatch import Handler, RawArguments, Reply, When
from s2sdap.dap.launch import token_of
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import ProtocolLog
from s2sdap.dap.python_debugger import CHILD
from s2sdap.dap.relay import Relay, child_address
from s2sdap.protocol import bodies
from s2sdap.protocol.envelopes import ErrorBody, ErrorMessage, Event, Incoming, Request, Response
from s2sdap.vocabulary.errors import S2sdapError

MAX_WAITING: Final = 256
"""Requests that may wait for an answer at once."""
CONGESTED: Final = 256
"""Messages waiting to be written from which a run pauses until the client reads."""
MAX_UNREAD: Final = 100_000
"""Messages waiting to be written from which the client counts as gone."""
CLOSING_SECONDS: Final = 0.5
"""How long a job that has begun may take to end, once its client is gone."""
LAST_WORDS_SECONDS: Final = 5.0
"""How long the last words may take to be written; a client that reads has them sooner."""
_PREDEFINED: Final = {"cancelled": "cancelled", "running": "notStopped"}
"""Short messages of failed responses that the protocol gives a meaning to."""
_IN_PLACE: Final = frozenset(
    {
        *("threads", "stackTrace", "scopes", "variables", "evaluate", "completions", "source", "locations"),
        *(
            "loadedSources",
            "modules",
            "exceptionInfo",
            "breakpointLocations",
            "dataBreakpointInfo",
            "readMemory",
        ),
    }
)
"""Requests that editors make on their own, often of a stop that has just gone by, or whose refusal they write
where the answer would stand. To tell the user as well would cover the window with messages."""


class Connection:
    """One client. `serve` lasts as long as it does."""

    def __init__(
        self,
        channel: Channel,
        models: ModelThread,
        handlers: Mapping[str, Handler],
        *,
        token: str | None = None,
        log: ProtocolLog | None = None,
        number: int = 1,
        process: Process | None = None,
    ) -> None:
        self._channel = channel
        self._handlers = handlers
        self._log = log
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._seq = 0
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving = asyncio.Event()
        self._asked: dict[int, str] = {}
        self._hello = b"{}"
        self._relay: Relay | None = None
        self._gone = False
        self.adapter = Adapter(self, models, None if channel.authenticated else token, process)

    async def serve(self) -> None:
        """Answer requests until the client is gone or says goodbye; leaves nothing running."""
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read())
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({reader, leaving, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._gone = True
            self.adapter.close()
            if self._relay is not None:
                self._relay.close()
            reader.cancel()
            leaving.cancel()
            await self._cancel_all()
            self._outgoing.put_nowait(None)
            with contextlib.suppress(TimeoutError, ConnectionError, OSError):
                await asyncio.wait_for(writer, LAST_WORDS_SECONDS)
            with contextlib.suppress(TimeoutError, OSError):
                await asyncio.wait_for(self._channel.close(), LAST_WORDS_SECONDS)

    async def _cancel_all(self) -> None:
        """Refuse what still waits; a job that has begun gets a moment to end, then is let go of."""
        for _attempt in range(2):
            waiting = list(self._tasks.values())
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.wait(waiting, timeout=CLOSING_SECONDS)
            self.adapter.let_go = True

    # ---- what the adapter needs of a connection ----------------------------------------------

    def emit(self, event: str, body: Any = None) -> None:
        """Send an event."""
        self._send(Event(self._next_seq(), event, body))

    def ask(self, command: str, arguments: Any) -> None:
        """Send a request to the client."""
        seq = self._next_seq()
        self._asked[seq] = command
        self._send(Request(seq, command, arguments))

    def congested(self) -> bool:
        """Whether a run should wait for the client to read. Called on the model thread."""
        return not self._gone and self._outgoing.qsize() > CONGESTED

    def later(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call on the protocol's thread, from any thread; a closed loop has nobody to tell."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    def cancel_request(self, seq: int) -> None:
        """Cancel a request that waits; one that has been answered is left alone."""
        if seq in self._tasks:
            self._tasks[seq].cancel()

    def hang_up(self) -> None:
        """Close once everything that was sent has been written."""
        self._leaving.set()

    def refuse_all(self, error: S2sdapError) -> None:
        """Say why this connection is not served, and close it."""
        self._say(str(error))
        self.hang_up()

    def hang_up_unless_launched(self) -> None:
        """A client that has not shown its token in time must not hold a place."""
        if self.adapter.token is not None and self.adapter.state is State.FRESH:
            self.refuse_all(S2sdapError("handshake_late"))

    # ---- in and out --------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            try:
                body = await self._channel.receive()
            except S2sdapError as error:  # the framing is broken: nothing after it can be trusted
                self._say(str(error))
                return
            if body is None:
                return
            if self._relay is not None:
                await self._relay.forward(body)
                continue
            if self._log:
                self._log.write(self._number, "->", body)
            if await self._led_on(body):
                continue
            self._receive(body)
            await asyncio.sleep(0)  # an asynchronous handler begins before the next request is looked at

    async def _write(self) -> None:
        while (body := await self._outgoing.get()) is not None:
            if self._log:
                self._log.write(self._number, "<-", body)
            try:
                await self._channel.send(body)
            except OSError:
                return

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _send(self, message: Event | Request | Response) -> None:
        if self._outgoing.qsize() > MAX_UNREAD:  # nobody reads at the other end
            self.hang_up()
            return
        self._outgoing.put_nowait(msgspec.json.encode(message))

    def _say(self, text: str) -> None:
        self.emit("output", bodies.Output(output=text + "\n", category="important"))

    # ---- requests ----------------------------------------------------------------------------

    async def _led_on(self, body: bytes) -> bool:
        """Whether this is the attach of a child session: then its client is led to where that belongs."""
        if CHILD.encode() not in body:
            return False
        try:
            incoming = msgspec.json.decode(body, type=Incoming)
            if incoming.type != "request" or incoming.command != "attach":
                return False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        try:
            raw = bytes(incoming.arguments)
            address = child_address(raw)
            if address is None:
                return False
            self._check_child(raw)
            self._relay = await Relay.open(address, self._hello, self._channel.send, self.hang_up)
            await self._relay.forward(body)
        except S2sdapError as error:
            self._refuse(incoming, error)
        return True

    def _check_child(self, raw: bytes) -> None:
        """Refuse to lead on who may not be here, or is debugging already."""
        adapter = self.adapter
        if not adapter.initialized:
            raise S2sdapError("not_initialized", command="attach")
        if adapter.state is not State.FRESH:
            raise S2sdapError("already_launched")
        if adapter.token is not None and not token_matches(token_of(raw), adapter.token):
            raise S2sdapError("bad_token")
        adapter.token = None

    def _receive(self, body: bytes) -> None:
        """Have one message answered. Whatever it holds, the loop goes on."""
        try:
            incoming = msgspec.json.decode(body, type=Incoming)
        except msgspec.ValidationError as error:
            self._refuse_malformed(body, S2sdapError("bad_message", reason=error))
            return
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self._say(str(S2sdapError("bad_json", reason=error)))
            return
        if incoming.type == "response":
            self._answered(incoming)
        if incoming.type != "request":
            return
        if incoming.command == "initialize":
            self._hello = bytes(incoming.arguments)
        try:
            self._dispatch(incoming)
        except S2sdapError as error:
            self._refuse(incoming, error)
        except Exception as error:  # a defect of ours must not take the session down
            self._refuse(incoming, self._internal(incoming, error))

    def _answered(self, incoming: Incoming) -> None:
        """The client's answer to a request of ours."""
        command = self._asked.pop(incoming.request_seq, None)
        if command is not None and not incoming.success:
            self._say(f"The editor refused `{command}`: {incoming.message or 'it says no more'}")

    def _dispatch(self, incoming: Incoming) -> None:
        handler = self._handlers.get(incoming.command)
        if handler is None:
            near = difflib.get_close_matches(incoming.command[:100], list(self._handlers), n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise S2sdapError("unknown_request", command=incoming.command[:100], nearest=hint)
        self._check_when(handler)
        if len(self._tasks) >= MAX_WAITING:
            raise S2sdapError("busy", limit=MAX_WAITING)
        answer = handler.run(self.adapter, self._arguments(handler, incoming))
        if isinstance(answer, Reply):
            self._respond(incoming, answer)
            return
        task = asyncio.ensure_future(self._await(incoming, answer))
        self._tasks[incoming.seq] = task
        task.add_done_callback(partial(self._forget, incoming.seq))

    def _forget(self, seq: int, task: asyncio.Task[None]) -> None:
        """The task is done; a client that uses a number twice may have put another in its place."""
        if self._tasks.get(seq) is task:
            del self._tasks[seq]

    async def _await(self, incoming: Incoming, answer: Any) -> None:
        try:
            self._respond(incoming, await answer)
        except asyncio.CancelledError:
            self._refuse(incoming, S2sdapError("cancelled", command=incoming.command))
        except S2sdapError as error:
            self._refuse(incoming, error)
        except Exception as error:  # likewise
            self._refuse(incoming, self._internal(incoming, error))

    def _check_when(self, handler: Handler) -> None:
        """Refuse what comes too early or while there is nothing to look at."""
        adapter, when = self.adapter, handler.when
        if when is When.ALWAYS:
            return
        if not adapter.initialized:
            raise S2sdapError("not_initialized", command=handler.command)
        if when is When.INITIALIZED:
            return
        if adapter.state is State.FRESH or adapter.program is None:
            raise S2sdapError("not_launched", request=handler.command)
        if when in (When.STOPPED, When.BEGUN):
            if adapter.state is State.ENDED:
                if when is When.BEGUN and adapter.calls is None:
                    return  # the session knows whether it was closed
                raise S2sdapError("ended")
            if adapter.state is not State.STOPPED or adapter.editing:
                raise S2sdapError("running", request=handler.command)

    def _arguments(self, handler: Handler, incoming: Incoming) -> Any:
        raw = bytes(incoming.arguments)
        if handler.arguments is RawArguments:
            if not raw.lstrip().startswith((b"{", b"null")):
                raise S2sdapError(
                    "bad_arguments", command=handler.command, reason="arguments must be an object"
                )
            return RawArguments(raw=raw)
        try:
            return msgspec.json.decode(b"{}" if raw == b"null" else raw, type=handler.arguments)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise S2sdapError("bad_arguments", command=handler.command, reason=error) from None

    def _respond(self, incoming: Incoming, reply: Reply) -> None:
        self._send(Response(self._next_seq(), incoming.seq, True, incoming.command, None, reply.body))
        if reply.then is not None:
            reply.then()

    def _refuse(self, incoming: Incoming, error: S2sdapError) -> None:
        message = _PREDEFINED.get(error.name, error.what)
        in_place = incoming.command in _IN_PLACE or incoming.command.startswith("s2s/")
        loud = not in_place and error.name != "cancelled"
        body = ErrorBody(ErrorMessage(id=error.number, format=str(error), show_user=loud))
        self._send(Response(self._next_seq(), incoming.seq, False, incoming.command, message, body))

    def _refuse_malformed(self, body: bytes, error: S2sdapError) -> None:
        """Answer a request that lacks something by its number, if it has at least that."""
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = msgspec.json.decode(body, type=dict[str, Any])
            seq, command = found.get("seq"), found.get("command")
            if isinstance(seq, int) and not isinstance(seq, bool) and abs(seq) < 2**53:
                name = command if isinstance(command, str) else ""
                self._refuse(Incoming(seq=seq, type="request", command=name[:100]), error)
                return
        self._say(str(error))

    def _internal(self, incoming: Incoming, error: Exception) -> S2sdapError:
        traceback.print_exception(error, file=sys.stderr)
        return S2sdapError("internal", command=incoming.command, reason=f"{type(error).__name__}: {error}")
