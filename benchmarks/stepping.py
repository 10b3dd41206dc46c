"""How long a step takes: from `next` to the last variable that an editor shows at the stop.

Where each message of debugpy takes about 44 ms, its adapter and its debuggee are waiting for delayed
acknowledgements on their own socket; the ratio says less about stepping then.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Row, milliseconds
from benchmarks.startup import DEBUGPY, OURS
from benchmarks.wire import Wire, hello, look

SCRIPT = "total = 0\n" + "".join(f"total = total + {number}\n" for number in range(400))


def _stopped_ours(wire: Wire) -> int:
    hello(wire)
    launch = wire.send("launch", source="\n".join(["Wednesday, September 23, 2015"] * 100), stopOnEntry=True)
    wire.event("initialized")
    wire.request("configurationDone")
    del launch
    thread: int = wire.event("stopped")["threadId"]
    return thread


def _stopped_debugpy(wire: Wire, script: Path) -> int:
    hello(wire)
    wire.send(
        "launch",
        program=str(script),
        python=[sys.executable],
        console="internalConsole",
        stopOnEntry=True,
        cwd=str(script.parent),
        justMyCode=True,
    )
    wire.event("initialized")
    wire.send("configurationDone")
    thread: int = wire.event("stopped")["threadId"]
    return thread


def _step(wire: Wire, thread: int) -> float:
    begin = time.perf_counter()
    wire.send("next", threadId=thread)
    wire.event("stopped")
    look(wire, thread)
    return time.perf_counter() - begin


def rows(steps: int = 150) -> list[Row]:
    """Against debugpy over a script of one-line statements, through the same client."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SCRIPT)
        with Wire(OURS) as ours, Wire(DEBUGPY) as peer:
            our_thread, peer_thread = _stopped_ours(ours), _stopped_debugpy(peer, script)
            pairs = [(_step(ours, our_thread), _step(peer, peer_thread)) for _ in range(steps)][10:]
    ours_median = statistics.median(a for a, _ in pairs)
    peer_median = statistics.median(b for _, b in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    what = "`next` to the last variable shown, peer debugpy"
    return [Row(what, milliseconds(ours_median), milliseconds(peer_median), ratio, 0.5)]
