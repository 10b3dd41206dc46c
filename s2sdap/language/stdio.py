"""The language server over standard input and output, as editors start it.

The protocol owns the real standard output; what a model's code prints goes to standard error.
"""

import os
import sys
from typing import Final

from s2sdap.language.server import make_server

SWITCH: Final = 0.001
"""Seconds after which threads change places: a decode gives its place away at every operation of torch."""


def run_language_server() -> None:
    """Serve one client; the process ends when it is gone."""
    sys.setswitchinterval(SWITCH)
    protocol_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    make_server().start_io(sys.stdin.buffer, protocol_out)
    sys.stderr.flush()
    os._exit(0)  # a forward pass may be under way, and nobody waits for what comes of it
