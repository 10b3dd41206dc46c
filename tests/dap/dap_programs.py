"""Programs of dates, which the tests of this folder debug, and the ways to an adapter."""

from pathlib import Path
from typing import Any

TRANSPORTS = ("stdio", "tcp", "websocket")
DATES = ("March 3, 1999", "24. Okt", "", "Ides of March 2044")


def write(folder: Path, content: Any, name: str = "dates.txt") -> str:
    """A program file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)
