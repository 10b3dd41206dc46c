"""The model's own Python: a debugger for it in the process that the model runs in."""

from typing import Final

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arguments import Nothing

PYTHON = "s2s/python"


class PythonBody(_Camel):
    """Answer to `s2s/python`: where debugpy listens, on loopback; whoever connects there can run any code.

    `asked` says that the client was asked for a child session with it, by `startDebugging`.
    """

    host: str
    port: int
    asked: bool


_MESSAGES: Final = ((PYTHON, Nothing, PythonBody),)
_PARTS: Final = ()
