"""What the adapter needs of a connection: where its messages go, and the thread of the protocol."""

from collections.abc import Callable
from typing import Any, Protocol


class Outlet(Protocol):
    """The connection, as far as the adapter knows it."""

    def emit(self, event: str, body: Any = None) -> None:
        """Send an event."""

    def congested(self) -> bool:
        """Whether the client is so far behind in reading that a run should wait. From any thread."""

    def ask(self, command: str, arguments: Any) -> None:
        """Send a request to the client; a refusal is told in its console."""

    def later(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call on the protocol's thread. From any thread."""

    def cancel_request(self, seq: int) -> None:
        """Cancel the request of that number if it still waits for its answer."""

    def hang_up(self) -> None:
        """Close once everything that was sent has been written."""
