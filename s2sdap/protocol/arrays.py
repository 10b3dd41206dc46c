"""Arrays in messages: their bytes in base64, a third larger than the array and quick to read."""

import base64
from collections.abc import Sequence
from typing import Literal

from s2sdap.protocol.arguments import Arguments as _Camel


class ArrayBody(_Camel):
    """An array: `data` is base64 of its numbers in row-major order, little-endian, of type `dtype`."""

    dtype: Literal["float32", "float16", "int32"]
    shape: list[int]
    data: str


def array_body(dtype: Literal["float32", "float16", "int32"], shape: Sequence[int], data: bytes) -> ArrayBody:
    """An array out of its bytes."""
    return ArrayBody(dtype=dtype, shape=list(shape), data=base64.b64encode(data).decode("ascii"))
