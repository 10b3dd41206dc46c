"""Connecting to an adapter and taking leave of it: what a session is, whatever it does."""

import contextlib
import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from s2sdap.client.connection import Connection
from s2sdap.client.launching import read_token
from s2sdap.client.transports import (
    Channel,
    connect_tcp,
    connect_websocket,
    spawn_adapter,
    split_address,
)
from s2sdap.client.views import StopView
from s2sdap.protocol import arguments as args
from s2sdap.vocabulary.errors import S2sdapError

ANSWER_SECONDS = 30.0
"""How long an answer may take."""
RUN_SECONDS = 600.0
"""How long a stop, or the loading of a model, may take."""


class Connecting:
    """A session with an adapter, as far as it is connected."""

    def __init__(self, channel: Channel, token: str | None, timeout: float, run_timeout: float) -> None:
        self.connection = Connection(channel, timeout=timeout)
        self.capabilities: dict[str, Any] = {}
        """What the adapter can do; known from `launch` on."""
        self.stop: StopView | None = None
        """Where the decode stands, `None` before the launch and while it runs."""
        self._token = token
        self._run_timeout = run_timeout
        self._initialized = False
        self._followed = 1
        self._since = 0

    # ---- connecting --------------------------------------------------------------------------

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str] | None = None,
        *,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Start an adapter of our own, by default with this Python; it ends with the session."""
        return cls(await spawn_adapter(command), None, timeout, run_timeout)

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        token: str | None = None,
        transport: Literal["tcp", "websocket"] = "tcp",
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Connect to a server that `s2sdap serve` started."""
        if transport == "tcp":
            return cls(await connect_tcp(host, port, timeout), token, timeout, run_timeout)
        uri = f"ws://[{host}]:{port}/" if ":" in host else f"ws://{host}:{port}/"
        return cls(await connect_websocket(uri, token, timeout), None, timeout, run_timeout)

    @classmethod
    async def connect_address(
        cls,
        address: str,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Connect to an address as the server prints it: `tcp://host:port` or `ws://host:port`."""
        scheme, host, port = split_address(address)
        if token_file is not None:
            token = read_token(token_file)
        transport: Literal["tcp", "websocket"] = "tcp" if scheme == "tcp" else "websocket"
        return await cls.connect(
            host, port, token=token, transport=transport, timeout=timeout, run_timeout=run_timeout
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def disconnect(self) -> None:
        """End the session and close the connection. May be called twice."""
        # An adapter that is gone, or too busy to say goodbye, is left all the same.
        with contextlib.suppress(S2sdapError):
            if not self.connection.lost:
                await self.connection.request("disconnect", args.Disconnect(terminate_debuggee=True))
        await self.connection.close()

    async def cancel(self, *, request_id: int | None = None, progress_id: str | None = None) -> None:
        """Cancel a request, or what a progress report is about."""
        await self.connection.request("cancel", args.Cancel(request_id, progress_id))

    # ---- inside ------------------------------------------------------------------------------

    @property
    def _thread(self) -> args.Thread:
        return args.Thread(self._followed)

    async def _initialize(self) -> None:
        if self._initialized:
            return
        wanted = args.Initialize(
            adapter_id="s2sdap",
            client_id="s2sdap.client",
            client_name="s2sdap scripted client",
            supports_variable_type=True,
            # With it an edit sends `invalidated`; without it a `stopped` that no verb has asked for.
            supports_invalidated_event=True,
        )
        self.capabilities = await self.connection.ask("initialize", wanted, dict[str, Any])
        self._initialized = True
