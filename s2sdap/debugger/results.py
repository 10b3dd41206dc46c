"""What has become of a sentence."""

from dataclasses import dataclass

from s2sdap.debugger.program import Sentence
from s2sdap.decoding.decode import Output
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Result:
    """A sentence that has decoded to its end on some branch, or could not be decoded."""

    sentence: Sentence
    branch: int
    outputs: tuple[Output, ...]
    error: S2sdapError | None = None

    @property
    def text(self) -> str:
        """The best output, empty where there is none."""
        return self.outputs[0].text if self.outputs else ""
