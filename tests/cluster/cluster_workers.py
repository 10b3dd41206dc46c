"""Workers for the tests of a cluster, made on its nodes."""

import os
import signal
import time
from pathlib import Path

from s2sdap.vocabulary.errors import S2sdapError


class Doubling:
    """Says a part twice, and that it was here."""

    def __init__(self, times: int, seconds: float = 0.0, here: str | None = None) -> None:
        self.times, self.seconds, self.here = times, seconds, here

    def __call__(self, part: bytes, /) -> bytes:
        if self.here is not None:
            (Path(self.here) / part.decode()).touch()
        time.sleep(self.seconds)  # what a part of real work takes
        return part * self.times


class Refusing:
    """Refuses one part."""

    def __call__(self, part: bytes, /) -> bytes:
        if part == b"3":
            raise S2sdapError("program_not_utf8", path="x.txt", line=3, offset=7, byte=0xE9)
        return part


class NeverMade:
    """Cannot be made."""

    def __init__(self) -> None:
        raise S2sdapError("unknown_model", model="nothing", known="dates")


class Crashing:
    """Fails with an error that is none of ours."""

    def __call__(self, part: bytes, /) -> bytes:
        raise RuntimeError(f"no luck with {part!r}")


class Dying:
    """Dies once: the first to come to part 5 takes its process with it."""

    def __init__(self, mark: str) -> None:
        self.mark = Path(mark)

    def __call__(self, part: bytes, /) -> bytes:
        if part == b"5" and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return part


class Accelerated:
    """Says which GPUs Ray has given to it alone."""

    def __call__(self, part: bytes, /) -> bytes:
        import ray  # on a node of the cluster

        given = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        return f"{','.join(given)} of {os.environ.get('CUDA_VISIBLE_DEVICES', '')}".encode()


class Waiting:
    """Never comes back."""

    def __call__(self, part: bytes, /) -> bytes:
        while True:
            time.sleep(1)
