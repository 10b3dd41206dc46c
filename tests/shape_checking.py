"""Shapes written in annotations are checked on every call of the package while it is tested.

Only the modules that write some are looked at: all other types are mypy's to prove, and binding the
arguments of every function of these rooms would nearly double the time that a decode takes in a test.
"""

import sys
from pathlib import Path

from jaxtyping import install_import_hook

PACKAGE = Path(__file__).parents[1] / "s2sdap"
ROOMS = ("models", "decoding", "neighbors")
"""The rooms that compute; what looks at their numbers gets them checked."""
MARK = "from jaxtyping import "


def modules_with_shapes() -> list[str]:
    """The modules of these rooms whose annotations have shapes."""
    paths = (path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
    found = (path for path in paths if MARK in path.read_text(encoding="utf-8"))
    names = (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in found)
    return sorted(name.removesuffix(".__init__") for name in names)


def check_shapes_from_now_on() -> None:
    """Check those that are imported from now on; none may have been before."""
    modules = modules_with_shapes()
    early = [each for each in modules if each in sys.modules]
    if early:
        raise RuntimeError(f"imported before their shapes could be checked: {early}")
    install_import_hook(modules, "beartype.beartype")
