"""The letter-reversing Marian, trained by its own command: once a test session, for all workers of it."""

from pathlib import Path

from once import made_once
from warm_processes import HUGGING_FACE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "reversal"
LONGEST = 6
"""Letters of the longest string that the trained model was shown."""


def trained_reversal(warm, tmp_path_factory) -> Path:
    """The folder of the trained model. The first call takes some 20 CPU seconds, any other none."""
    return made_once(tmp_path_factory, "trained-reversal", lambda folder: _train(warm, folder))


def _train(warm, folder: Path) -> None:
    command = ["-W", "error", EXAMPLE / "train.py", "--output", folder]
    options = ["--steps", 600, "--longest", LONGEST]
    done = warm.run([*command, *options], imports=HUGGING_FACE, together=True, patience=600)
    assert done.returncode == 0, done.stdout
