"""Work that thinks in a thread of its own and runs the model where the model lives, a job at a time.

The experiments ask for many short runs of the model. Whoever owns the model takes them one by one from
a generator, and has other things done in between; closing the generator gives the work up.
"""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from s2sdap.debugger.verdict.trials import Here

T = TypeVar("T")


class GivenUp(BaseException):
    """Nobody waits for the work any more."""


class _Done:
    """What the work came to: its result, or what it raised."""

    def __init__(self, result: Any = None, error: BaseException | None = None) -> None:
        self.result, self.error = result, error


def at_the_model(work: Callable[[Here], T]) -> Generator[int, None, T]:
    """What `work` returns; yields after each job that it had run, how many there were."""
    asked: queue.SimpleQueue[Callable[[], Any] | _Done] = queue.SimpleQueue()
    answered: queue.SimpleQueue[_Done] = queue.SimpleQueue()

    def here(job: Callable[[], Any], /) -> Any:
        asked.put(job)
        answer = answered.get()
        if answer.error is not None:
            raise answer.error
        return answer.result

    def run() -> None:
        try:
            asked.put(_Done(work(here)))
        except BaseException as error:  # it is raised where the work is waited for
            asked.put(_Done(error=error))

    thread = threading.Thread(target=run, name="s2sdap verdict", daemon=True)
    thread.start()
    jobs = 0
    try:
        while True:
            job = asked.get()
            if isinstance(job, _Done):
                break
            answered.put(_ran(job))
            jobs += 1
            yield jobs
    except GeneratorExit:
        answered.put(_Done(error=GivenUp()))
        raise
    thread.join()
    if job.error is not None:
        raise job.error
    result: T = job.result
    return result


def _ran(job: Callable[[], Any]) -> _Done:
    """What a job came to."""
    try:
        return _Done(job())
    except Exception as error:  # the work decides what that means
        return _Done(error=error)
