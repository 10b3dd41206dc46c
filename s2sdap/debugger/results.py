"""What has become of a sentence."""

import msgspec

from s2sdap.debugger.program import Sentence
from s2sdap.decoding.decode import Output
from s2sdap.vocabulary.errors import S2sdapError


class Result(msgspec.Struct, frozen=True):
    """A sentence that has decoded to its end on some branch, or could not be decoded."""

    sentence: Sentence
    branch: int
    outputs: tuple[Output, ...]
    error: S2sdapError | None = None

    @property
    def text(self) -> str:
        """The best output, empty where there is none."""
        return self.outputs[0].text if self.outputs else ""
