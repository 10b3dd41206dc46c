"""Where the code of a diagnostic is explained: a page of docs/, and the heading on it."""

from functools import cache
from pathlib import Path
from typing import Final

from s2sdap.debugger.watch_rules import WATCH_RULES

RULES: Final = "watch-rules.md"
ERRORS: Final = "errors.md"
OTHERS: Final = "language-server.md"
PAGES: Final = (RULES, ERRORS, OTHERS)


def page_of(code: str) -> str:
    """The page and heading of a code, such as `watch-rules.md#lowconfidence`."""
    if code in WATCH_RULES:
        return f"{RULES}#{code.lower()}"
    return ERRORS if code.startswith("S2S") else f"{OTHERS}#{code.lower()}"


def href_of(code: str, docs: str | None = None) -> str | None:
    """The address of that; `docs` is a URI of the folder, by default that of the installed package."""
    base = docs.rstrip("/") if docs else _installed()
    return None if base is None else f"{base}/{page_of(code)}"


@cache
def _installed() -> str | None:
    """The pages beside an installed package, or those of a checkout."""
    package = Path(__file__).parent
    for folder in (package / "docs", package.parent.parent / "docs"):
        if all((folder / page).is_file() for page in PAGES):
            return folder.as_uri()
    return None
