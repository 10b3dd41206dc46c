"""The folder `parity`, whose tiny models the tests of this folder decode with, is imported from the root."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
