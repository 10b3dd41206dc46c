"""Neighbours as bodies of the protocol."""

from s2sdap.debugger.neighbors.asking import Neighbor, Neighborhood
from s2sdap.debugger.neighbors.telling import told
from s2sdap.neighbors.embedding import NearTokens
from s2sdap.protocol import custom
from s2sdap.vocabulary.positions import utf16_column


def neighbors_body(found: Neighborhood, start: int, count: int) -> custom.NeighborsBody:
    """What was found, with a page of its neighbours."""
    question, frame = found.question, found.question.frame
    end = start + count if count > 0 else len(found.neighbors)
    return custom.NeighborsBody(
        site=str(question.place.site),
        position=question.place.position,
        sentence=frame.sentence.index,
        branch=frame.branch,
        step=frame.step,
        hypothesis=frame.hypothesis.id,
        text=told(found),
        index=found.index,
        states=found.states,
        metric=found.metric,
        kind=found.kind,
        why=found.why,
        how=found.how,
        exact=found.exact,
        recall=found.recall,
        total=len(found.neighbors),
        neighbors=[neighbor_body(each) for each in found.neighbors[start:end]],
        summary=_summary(found),
    )


def neighbor_body(each: Neighbor) -> custom.NeighborBody:
    """A training state."""
    text, span = each.text, each.span
    predicted = None
    if each.predicted is not None and each.predicted_piece is not None:
        predicted = custom.PieceBody(piece=each.predicted_piece, id=each.predicted)
    return custom.NeighborBody(
        number=each.number,
        row=each.row,
        sentence=each.sentence,
        position=each.position,
        distance=each.distance,
        side="source" if each.of_source else "target",
        token=custom.PieceBody(piece=each.piece, id=each.token),
        source=each.source,
        target=each.target,
        before=each.before,
        after=each.after,
        start=None if span is None else utf16_column(text, span.start),
        end=None if span is None else utf16_column(text, span.end),
        predicted=predicted,
        right=each.right,
        file=None if each.location is None else each.location.path,
        line=None if each.location is None else each.location.line,
    )


def nearest_tokens_body(found: NearTokens) -> custom.NearestTokensBody:
    """Tokens by embedding."""
    return custom.NearestTokensBody(
        word=found.word,
        side=found.side,
        means=found.means,
        metric=found.metric,
        pieces=[
            custom.PieceBody(piece=piece, id=token)
            for piece, token in zip(found.pieces, found.tokens, strict=True)
        ],
        unknown=list(found.unknown),
        near=[
            custom.NearTokenBody(
                piece=each.piece,
                id=each.token,
                text=each.text,
                similarity=each.similarity,
                distance=each.distance,
            )
            for each in found.near
        ],
    )


def _summary(found: Neighborhood) -> custom.NeighborsSummaryBody:
    told = found.summary
    return custom.NeighborsSummaryBody(
        found=told.found,
        temperature=told.temperature,
        tokens=[
            custom.NeighborTokenBody(
                piece=found.pieces[each.token],
                id=each.token,
                count=each.count,
                p=each.probability,
                model=each.model,
            )
            for each in told.tokens
        ],
        purity=told.purity,
        agreement=told.agreement,
        right=told.right,
        nearest=told.nearest,
        percentile=told.percentile,
    )
