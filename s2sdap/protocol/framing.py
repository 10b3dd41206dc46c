"""Framing of a byte stream: `Content-Length: N`, an empty line, N bytes of JSON.

The reader does no input or output: bytes go in, bodies come out, and a broken stream raises, since
nothing after a broken header can be trusted.
"""

from collections.abc import Iterator
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

MAX_HEADER: Final = 4096
MAX_BODY: Final = 16 * 1024 * 1024


def frame(body: bytes) -> bytes:
    """A body with its header."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class FrameReader:
    """Cuts a byte stream into bodies."""

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._buffer = bytearray()
        self._expected: int | None = None
        self._max_body = max_body

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that are complete with `data`. Raises `bad_framing` or `too_large`."""
        self._buffer += data
        while True:
            if self._expected is None and not self._read_header():
                return
            expected = self._expected or 0
            if len(self._buffer) < expected:
                return
            body = bytes(self._buffer[:expected])
            del self._buffer[:expected]
            self._expected = None
            yield body

    def finish(self) -> None:
        """The stream has ended: in the middle of a message that is a fault."""
        if self._buffer or self._expected is not None:
            raise S2sdapError("bad_framing", reason="the stream ended inside a message")

    def _read_header(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEADER + 4)
        if end < 0:
            if len(self._buffer) > MAX_HEADER:
                raise S2sdapError("bad_framing", reason=f"a header of more than {MAX_HEADER} bytes")
            self._check_start()
            return False
        header = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        lengths = []
        for line in header.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon:
                raise S2sdapError("bad_framing", reason=f"a header line without a colon: {line[:40]!r}")
            if name.strip().lower() == b"content-length":
                lengths.append(value.strip())
        if len(lengths) != 1 or not lengths[0].isdigit() or len(lengths[0]) > 12:
            raise S2sdapError("bad_framing", reason="the header needs one Content-Length, a whole number")
        length = int(lengths[0])
        if length > self._max_body:
            raise S2sdapError("too_large", size=length, limit=self._max_body)
        self._expected = length
        return True

    def _check_start(self) -> None:
        """Say at once that these are not headers, instead of waiting for an end that never comes."""
        *whole, last = bytes(self._buffer).split(b"\r\n")
        for line in whole:
            if b":" not in line:
                raise S2sdapError("bad_framing", reason=f"this is no header: {line[:40]!r}")
        for line in (*whole, last):
            if b"\n" in line or (b":" not in line and len(line) > 64):
                raise S2sdapError("bad_framing", reason=f"this is no header: {line[:40]!r}")
