"""Records of the debugger as bodies of our own messages (see `protocol.custom`)."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from s2sdap.debugger.edit_lists import told
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.results import Result
from s2sdap.debugger.session import Session
from s2sdap.decoding.decode import Output
from s2sdap.decoding.records import Candidates, Fate, Hypothesis, Reason, StepRecord
from s2sdap.models.contract import TargetVocabulary
from s2sdap.protocol import custom
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.positions import utf16_column
from s2sdap.vocabulary.stages import Stage

MATRIX: Final = 1_000_000
"""Attention weights that one message carries at most."""


def token_body(piece: str, token: int, logprob: float) -> custom.TokenBody:
    """A target token with its probability."""
    return custom.TokenBody(piece=piece, id=token, p=math.exp(logprob), logp=logprob)


def step_body(frame: Frame, top: int) -> custom.StepBody:
    """All about one step in one message."""
    fields = FieldValues(frame)
    hypothesis = frame.hypothesis
    body = custom.StepBody(
        sentence=frame.sentence.index,
        line=frame.sentence.line + frame.before.sentence,
        branch=frame.branch,
        step=frame.step,
        stage=frame.stage.value,
        hypothesis=hypothesis.id,
        score=hypothesis.score,
        source=source_bodies(frame),
        target=[token_body(frame.piece(node.token), node.token, node.logprob) for node in hypothesis.path()][
            ::-1
        ],
        output=fields["output"],
    )
    if frame.record is None:
        return body
    body.edits = [told(edit, frame.piece) for edit in frame.record.edits] or None
    if frame.has(sites.ATTENTION_WEIGHTS):
        body.attention = fields["attention"]
        body.focus = frame.focus()
    if frame.has(sites.PREDICTION_LOGPROBS):
        body.token = token_body(fields["token"], frame.token, frame.logprob)
        body.rank, body.entropy, body.margin = fields["rank"], fields["entropy"], fields["margin"]
        body.top = [
            token_body(frame.piece(token), token, logprob) for token, logprob in frame.top_tokens(top)
        ]
    if frame.stage is Stage.SEARCH:
        body.candidates = candidate_bodies(frame.decode.model.target, frame.record, frame.record.candidates)
    return body


def source_bodies(frame: Frame) -> list[custom.SourceTokenBody]:
    """The tokens that attention is over, with where they stand in the line."""
    line = frame.source.text
    return [
        custom.SourceTokenBody(
            piece=token.piece,
            id=token.id,
            seen=token.seen,
            known=token.known,
            start=None if token.span is None else utf16_column(line, token.span.start),
            end=None if token.span is None else utf16_column(line, token.span.end),
        )
        for token in frame.attended
    ]


def candidate_bodies(
    target: TargetVocabulary, record: StepRecord, candidates: Candidates
) -> list[custom.CandidateBody]:
    """The candidates of a step."""
    return [
        custom.CandidateBody(
            parent=record.before.live[int(candidates.parent[index])].id,
            piece=target.piece(int(candidates.token[index])),
            id=int(candidates.token[index]),
            logp=float(candidates.logprob[index]),
            score=float(candidates.score[index]),
            length_term=candidates.length_term,
            coverage_term=float(candidates.coverage_term[index]),
            final=float(candidates.final[index]),
            fate=Fate(int(candidates.fate[index])).name.lower(),
            reason=Reason(int(candidates.reason[index])).name.lower(),
            child=int(candidates.child[index]) if candidates.child[index] >= 0 else None,
            processors=[
                custom.ProcessorBody(name=name, score=_finite(scores[index]))
                for name, scores in candidates.processed
            ]
            or None,
        )
        for index in range(len(candidates))
    ]


def _finite(value: float) -> float | None:
    """A number as JSON knows them."""
    return float(value) if math.isfinite(value) else None


def beam_body(session: Session, records: Sequence[StepRecord], total: int) -> custom.BeamBody:
    """The search of some steps."""
    return custom.BeamBody(
        steps=[
            custom.BeamStepBody(
                step=record.step,
                hypotheses=[_live_body(session, each) for each in record.before.live],
                candidates=candidate_bodies(session.target, record, record.decided),
            )
            for record in records
        ],
        total=total,
    )


def _live_body(session: Session, hypothesis: Hypothesis) -> custom.LiveBody:
    return custom.LiveBody(
        id=hypothesis.id, score=hypothesis.score, output=session.target.text(hypothesis.tokens)
    )


def attention_body(frame: Frame, layer: int | None, head: int | None) -> custom.AttentionBody:
    """The attention of a hypothesis' steps up to a frame; the last rows where there are too many."""
    matrix = frame.attention_matrix(layer, head).double().cpu().numpy()
    source = [token.piece for token in frame.attended]
    rows = max(1, MATRIX // max(1, len(source)))
    layers = heads = 0
    if frame.record is not None and sites.ATTENTION_WEIGHTS in frame.record.sites:
        layers, heads = frame.record.sites[sites.ATTENTION_WEIGHTS].shape[1:3]
    target = [frame.piece(token) for token in frame.hypothesis.tokens]
    if len(target) < len(matrix):
        target.append("")  # this step has attended and not yet chosen
    return custom.AttentionBody(
        weights=np.asarray(matrix[-rows:]).tolist(),
        source=source,
        target=target[-rows:],
        layers=layers,
        heads=heads,
    )


def output_body(output: Output) -> custom.OutputBody:
    """A finished hypothesis."""
    tokens = zip(output.pieces, output.tokens, output.logprobs, strict=True)
    return custom.OutputBody(
        text=output.text,
        score=output.score,
        final=output.final,
        tokens=[token_body(piece, token, logprob) for piece, token, logprob in tokens],
    )


def result_body(session: Session, result: Result) -> custom.ResultBody:
    """A sentence that is done."""
    return custom.ResultBody(
        sentence=result.sentence.index,
        line=result.sentence.line,
        source=result.sentence.text,
        branch=result.branch,
        outputs=[output_body(output) for output in result.outputs],
        error=str(result.error) if result.error else None,
    )
