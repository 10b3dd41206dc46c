"""A bar on standard error, with the rate and the time that is left; in a log a line a minute."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

SECONDS: Final = 60.0
"""Between two lines of a log."""


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on standard error, where a person sees it, what is being done, however long it lasts."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextlib.contextmanager
def bar(what: str, unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error, or in a log lines. Gives what to call: done, of how many, a word."""
    if not sys.stderr.isatty():
        yield lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many are done a second."""

        def render(self, task: Task) -> Text:
            """The rate of the last seconds, and of all of them in the end."""
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f} {unit}/s")

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[word]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=None, word="")
        yield lambda done, of, word: progress.update(task, completed=done, total=of, word=word)


def lines(what: str, unit: str, seconds: float = SECONDS) -> Callable[[int, int, str], None]:
    """What writes a line to standard error each `seconds`, for those who follow a log."""
    began: list[tuple[float, int]] = []  # when, and what was done by then, as a build that goes on has it
    told = time.monotonic()

    def tell(done: int, of: int, word: str) -> None:
        nonlocal told
        now = time.monotonic()
        if not began:
            began.append((now, done))
        since, before = began[0]
        if now - told < seconds or done <= before or now <= since:
            return
        told, rate = now, (done - before) / (now - since)
        left = timedelta(seconds=round((of - done) / rate))
        more = f", {word}" if word else ""
        print(f"{what} {done / of:.0%}, {rate:,.0f} {unit}/s, {left} left{more}", file=sys.stderr, flush=True)

    return tell
