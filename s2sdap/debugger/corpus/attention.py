"""The attention of one sentence's best output, for a report; the sentence is decoded again for it."""

from dataclasses import dataclass

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.program import Program
from s2sdap.decoding.plan import Planner
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """`weights` [T, S], averaged over layers and heads, and the pieces of both sides."""

    weights: list[list[float]]
    source: tuple[str, ...]
    target: tuple[str, ...]


def attention_map(program: Program, planner: Planner, index: int) -> AttentionMap | None:
    """The attention of the best output of sentence `index`; `None` where there is nothing to show."""
    sentence = program.sentences[index]
    try:
        plan = planner(
            sentence.text,
            sentence=index,
            line=sentence.line + 1,
            where=program.name,
            folder=program.folder,
        )
        encoder = plan.begin()
        records = []
        after = encoder.after
        while not after.ended:
            records.append(plan.step(encoder, after))
            after = records[-1].after
    except S2sdapError:
        return None
    outputs = plan.best(after)
    if not outputs or sites.ATTENTION_WEIGHTS not in records[0].sites:
        return None
    best = outputs[0]
    frame = Frame(plan, sentence, 0, Stage.SEARCH, encoder, records, records[best.step], best.row, best)
    return AttentionMap(
        weights=frame.attention_matrix().double().tolist(),
        source=tuple(token.piece for token in frame.attended),
        target=tuple(plan.model.target.piece(token) for token in best.tokens),
    )
