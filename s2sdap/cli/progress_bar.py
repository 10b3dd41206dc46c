"""A bar on standard error, with the rate and the time that is left."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(what: str, unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error, where a person sees it. Gives what to call: done, of how many, a word."""
    if not sys.stderr.isatty():
        yield lambda _done, _of, _word: None
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
