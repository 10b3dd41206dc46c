"""The files of the page, read once, each with the headers that keep a browser from doing more.

Nothing of the page comes from elsewhere: no script, style, picture or connection that is not this
server's own, and no script or style written into the page itself (a Content Security Policy).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

BUNDLE: Final = Path(__file__).parent / "bundle"
"""Where the build puts the page; git ignores it."""
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent: its bytes, and what kind of file the browser is told that it is."""

    content: bytes
    media_type: str


Page = Mapping[str, PageFile]
"""The files by the path that a browser asks for, `/` the page itself."""


def read_page(bundle: Path = BUNDLE) -> Page:
    """All files of the page, so that no path that a browser sends ever reaches the disk.

    Raises `page_not_built`.
    """
    start = bundle / "index.html"
    if not start.is_file():
        raise S2sdapError("page_not_built", folder=bundle)
    found = {
        f"/{path.relative_to(bundle).as_posix()}": PageFile(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(bundle.rglob("*"))
        if path.suffix in _TYPES
    }
    return {"/": found["/index.html"], **found}


def handout(page: Page, host: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """The page as a server that goes by `host` sends it: content and headers by path."""
    headers = security_headers(host)
    return {path: (file.content, {"Content-Type": file.media_type, **headers}) for path, file in page.items()}


def security_headers(host: str) -> dict[str, str]:
    """What a browser is told with every file; `host` is the server's own, with its port.

    The websocket is named in full, since not every browser takes it for `'self'`. Svelte makes its
    templates through the one policy of Trusted Types that is allowed.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": f"'self' ws://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "svelte-trusted-html",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
