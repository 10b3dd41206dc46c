"""Neighbours as people read them: in a line, and as values that open."""

from dataclasses import replace

from s2sdap.debugger.descriptions import Children, Description, group, number, plain, text
from s2sdap.debugger.fields import NEIGHBORS
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.asking import Neighbor, Neighborhood, Say, answer, found_by, question_of
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.lookups import Lookup, Wanted, written
from s2sdap.debugger.neighbors.marking import marked
from s2sdap.debugger.neighbors.places import StatePlace, focused, sites_here
from s2sdap.neighbors.search.found import Cancelled
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary import sites

TOP = 3
"""Tokens of the summary that a line names."""


def told(found: Neighborhood) -> str:
    """What was found, in a line."""
    summary = found.summary
    if not summary.found:
        return f"no neighbours among {found.states:,} states of {found.question.place}"
    shares = ", ".join(
        f"{text(found.pieces[each.token])} {each.probability:.3f}" for each in summary.tokens[:TOP]
    )
    far = "" if summary.percentile is None else f", farther than {summary.percentile:.1f} % of training"
    return (
        f"{summary.found} of {found.states:,} states: {shares}; purity {summary.purity:.2f}; "
        f"nearest {number(summary.nearest or 0.0)} ({found.metric}){far}"
    )


def line_of(each: Neighbor) -> str:
    """A neighbour in a line: its distance, its sentence with the token marked, what the model made of it."""
    if each.of_source or each.target is None:
        body = f"{marked(each.source, each.span)}" + (f" → {each.target}" if each.target is not None else "")
    else:
        body = f"{each.source} → {marked(each.target, each.span)}"
    if each.span is None:
        body += f" at {text(each.piece)}"
    wrong = f", predicted {text(each.predicted_piece or '')}" if each.right is False else ""
    return f"{number(each.distance)}  {body}{wrong}"


def described(found: Neighborhood, name: str, expression: str | None = None) -> Description:
    """A finding as a value that opens to its summary and its neighbours."""
    whole = group(name, told(found), parts_of(found), kind="neighbours", indexed=False)
    return replace(whole, expression=expression)


def parts_of(found: Neighborhood) -> list[Description]:
    """The summary, value by value, then each neighbour."""
    summary = found.summary
    tokens = [
        replace(
            plain(found.pieces[each.token], each.probability),
            value=f"{each.probability:.6g} ({each.count} of them"
            + ("" if each.model is None else f"; the model: {each.model:.6g}")
            + ")",
        )
        for each in summary.tokens
    ]
    recall = (
        "exact" if found.exact else f"recall {found.recall}" if found.recall is not None else "approximate"
    )
    facts = {
        "purity": summary.purity,
        "agreement": summary.agreement,
        "right": summary.right,
        "nearest": summary.nearest,
        "percentile": summary.percentile,
    }
    return [
        group("predict", told(found), tokens, kind="tokens by probability", indexed=False),
        *(plain(name, value) for name, value in facts.items() if value is not None),
        plain("search", f"{found.kind}, {found.metric}, {recall}: {found.how}; {found.why}"),
        *(neighbor_description(each) for each in found.neighbors),
    ]


def neighbor_description(each: Neighbor) -> Description:
    """A neighbour as a value that opens, with its place in its file."""
    where = "" if each.location is None else f"{each.location.path}:{each.location.line + 1}"
    facts = {
        "distance": each.distance,
        "token": each.piece,
        "before": each.before,
        "after": each.after,
        "predicted": each.predicted_piece,
        "right": each.right,
        "source": each.source,
        "target": each.target,
        "sentence": each.sentence,
        "position": each.position,
        "row": each.row,
        "file": where or None,
    }
    parts = [plain(name, value) for name, value in facts.items() if value is not None]
    parts[0] = replace(parts[0], value=repr(each.distance))  # unrounded
    return replace(
        group(str(each.number), line_of(each), parts, kind="training state", indexed=False),
        location=each.location,
    )


def looked_up(
    index: OpenIndex,
    frame: Frame,
    lookup: Lookup,
    expression: str,
    cancelled: Cancelled | None = None,
    say: Say | None = None,
) -> Description:
    """What a lookup gives at a frame. Raises `no_such_neighbor` where it names one that is not there."""
    found = found_by(index, frame, lookup, cancelled, say)
    if isinstance(found, Neighborhood):
        return described(found, "", expression)
    return replace(neighbor_description(found), expression=expression)


def scope_items(frame: Frame, index: OpenIndex) -> list[Description]:
    """What the scope of a frame shows: the neighbours of its stage's state; of others when they are opened.

    At the encoder each source token opens to those of its own state.
    """
    here = sites_here(frame, index.sites)
    if frame.record is None:
        tokens = frame.source.tokens
        return [
            lazily(frame, index, place, f"{written(place)}: {tokens[at].piece}")
            for site in here
            for at in range(len(tokens))
            for place in [StatePlace(site, at)]
        ]
    others = [StatePlace(site) for site in here[1:]]
    encoder = StateSite(sites.ENCODER_STATES)
    if encoder in index.sites and frame.focus() is not None:
        others.append(StatePlace(encoder, focused(frame, StatePlace(encoder))))
    first = parts_of(answer(index, question_of(index, frame, StatePlace(here[0]), Wanted()))) if here else []
    return [*first, *(lazily(frame, index, place, written(place)) for place in others)]


def lazily(frame: Frame, index: OpenIndex, place: StatePlace, name: str) -> Description:
    """The neighbours of a place, looked for when they are opened."""

    def parts() -> Children:
        found = parts_of(answer(index, question_of(index, frame, place, Wanted())))
        return listed(found)

    return Description(
        name,
        "open to look for its neighbours",
        "neighbours",
        expression=f"{NEIGHBORS}({written(place)})",
        later=parts,
    )


def listed(items: list[Description]) -> Children:
    """Parts that are all at hand, by their names."""
    return Children(len(items), lambda start, count: items[start : start + count], indexed=False)
