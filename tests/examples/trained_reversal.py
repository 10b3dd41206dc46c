"""The letter-reversing Marian, trained by its own command: once a test session, for all workers of it."""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "reversal"
LONGEST = 8
"""Letters of the longest string that the trained model was shown."""


def trained_reversal(tmp_path_factory) -> Path:
    """The folder of the trained model. The first call takes some 20 CPU seconds, any other none."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent  # each worker has a folder of its own in that of the session
    folder = session / "trained-reversal"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            _train(unfinished)
            unfinished.rename(folder)
    return folder


def _train(folder: Path) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLE / "train.py"), "--output", str(folder)]
    done = subprocess.run(
        [*command, "--steps", "850", "--longest", str(LONGEST)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
