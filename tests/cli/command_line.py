"""How the tests of this folder call the command line."""

import sys


def words(*arguments: object) -> list[str]:
    """The command `s2sdap ARGUMENTS` with this Python."""
    return [sys.executable, "-m", "s2sdap", *map(str, arguments)]
