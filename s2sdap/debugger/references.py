"""The reference while a sentence decodes: who still follows it, and when the beam loses it."""

from collections.abc import Sequence
from dataclasses import dataclass

from s2sdap.debugger.frames import Frame
from s2sdap.decoding.records import Hypothesis
from s2sdap.decoding.reference import reference_tokens


@dataclass(frozen=True, slots=True)
class ReferencePath:
    """Where the reference stands at a frame.

    `token` is how it goes on where the hypothesis has followed it so far, else `None`; `lost` says that
    it was in the beam before this step and is neither live nor finished after it.
    """

    token: int | None
    lost: bool

    @classmethod
    def of(cls, frame: Frame) -> "ReferencePath":
        """The path at a frame; without a reference there is nothing to follow, and nothing to lose."""
        record = frame.record
        if frame.sentence.reference is None or record is None:
            return cls(None, lost=False)
        tokens = reference_tokens(frame.decode.model.target, frame.encoder, frame.sentence.reference)
        step = record.step
        token = tokens[step] if step < len(tokens) and follows(frame.before, tokens) else None
        sentence = frame.before.sentence
        there = step < len(tokens) and any(
            each.sentence == sentence and follows(each, tokens) for each in record.before.live
        )
        lost = (
            there
            and frame.chosen is not None
            and not any(
                each.step == step and each.sentence == sentence and follows(each, tokens)
                for each in (*record.after.live, *record.after.finished)
            )
        )
        return cls(token, lost)


def follows(hypothesis: Hypothesis, tokens: Sequence[int]) -> bool:
    """Whether what a hypothesis has written is how `tokens` begins."""
    if hypothesis.length > len(tokens):
        return False
    return all(node.token == tokens[node.step] for node in hypothesis.path())
