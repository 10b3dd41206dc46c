"""A running `s2sdap serve`, for tests that come to one with a browser, an editor or a script."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warm_processes import PATIENCE, ColdProcesses, Forked, WarmProcesses


@dataclass(frozen=True)
class Serving:
    """The server's process and addresses; the `link` of the page where it was asked for."""

    process: subprocess.Popen[str] | Forked
    tcp: str
    websocket: str
    token_file: Path
    link: str

    @property
    def token(self) -> str:
        return self.token_file.read_text()

    @property
    def origin(self) -> str:
        return self.link.split("/#")[0]


@contextmanager
def serve(warm: WarmProcesses | ColdProcesses, folder: Path, *options: str) -> Iterator[Serving]:
    """A server with its token and its standard error in this folder. No traceback may be in the latter."""
    with (
        (folder / "stderr").open("w") as errors,
        warm.start(
            ["-m", "s2sdap", "serve", *options, "--token-file", folder / "token"], errors=errors
        ) as process,
    ):
        try:
            tcp, websocket, _ = (process.stdout.readline().strip() for _ in range(3))
            link = process.stdout.readline().strip().removeprefix("page ") if "--page" in options else ""
            yield Serving(process, tcp, websocket, folder / "token", link)
        finally:
            process.terminate()
            process.wait(PATIENCE)
    assert "Traceback" not in (folder / "stderr").read_text()
