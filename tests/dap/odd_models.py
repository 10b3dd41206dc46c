"""Models that a third party might bring, through the package's own entry-point group: `odd:...`.

`odd:talkative` prints from Python and below Python; `odd:broken` fails at its third step;
`odd:unloadable` fails while it loads; `odd:loads-when=PATH` loads and `odd:steps-when=PATH` steps
once somebody has opened the pipe at PATH for writing. A `>` and a model at the end stand in for the
date model. The subprocesses import this file from a folder of its own that has the entry point.
"""

import os
from typing import Any


class Odd:
    """A model with a habit."""

    def __init__(self, habit: str, detail: str, spec: str) -> None:
        from s2sdap.models.loading import load_model

        self._model = load_model(spec)
        self._habit, self._detail = habit, detail
        self._steps = 0
        self.name = f"odd:{habit}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, source: Any, probe: Any, /) -> Any:
        if self._habit == "talkative":
            os.write(1, "said below Python: ñ\n".encode())
        return self._model.encode(source, probe)

    def step(self, encoded: Any, state: Any, tokens: Any, probe: Any, /) -> Any:
        self._steps += 1
        if self._habit == "talkative":
            print(f"step {self._steps} said in Python")
        if self._habit == "broken" and self._steps == 3:
            raise RuntimeError("no third step for me")
        if self._habit == "steps-when":
            wait_for(self._detail)
        return self._model.step(encoded, state, tokens, probe)


def wait_for(path: str) -> None:
    """Block until somebody has opened and closed the pipe at `path` for writing."""
    with open(path) as pipe:
        pipe.read()


def load(rest: str, _device: str) -> Odd:
    """The entry point."""
    rest, _, spec = rest.partition(">")
    habit, _, detail = rest.partition("=")
    if habit == "unloadable":
        raise OSError("the weights are on another planet")
    if habit == "loads-when":
        wait_for(detail)
    return Odd(habit, detail, spec or "dates")
