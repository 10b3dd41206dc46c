"""How long the scripted client takes to import, and that it brings no torch with it."""

import subprocess
import sys

from benchmarks.measuring import Row, milliseconds, paired

_TIMED = """
import sys, time
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin, "torch" in sys.modules)
"""


def _import_seconds(module: str) -> float:
    code = _TIMED.format(module=module)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, torch_came = result.stdout.split()
    if torch_came == "True":
        raise RuntimeError(f"importing {module} imported torch")
    return float(seconds)


def rows(runs: int = 9) -> list[Row]:
    """Against importing asyncio, which any client needs."""
    ours, peer, ratio = paired(
        lambda: _import_seconds("s2sdap.client"), lambda: _import_seconds("asyncio"), runs
    )
    return [
        Row(
            "import of the client (no torch), peer `import asyncio`",
            milliseconds(ours),
            milliseconds(peer),
            ratio,
        )
    ]
