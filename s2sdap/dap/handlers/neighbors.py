"""The training states that are nearest to a state on show. Nothing of it changes the session."""

from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.dap.training import looked_for, opened
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from collections.abc import Callable

    from s2sdap.debugger.frames import Frame
    from s2sdap.debugger.neighbors.lookups import Wanted
    from s2sdap.debugger.neighbors.places import StatePlace
    from s2sdap.neighbors.embedding import NearTokens, Side


@handles(custom.NEIGHBORS, custom.NeighborsArguments, When.STOPPED)
async def neighbors(adapter: Adapter, arguments: custom.NeighborsArguments) -> Reply:
    """The neighbours of a place with their summary."""
    from s2sdap.dap.neighbor_bodies import neighbors_body
    from s2sdap.debugger.neighbors.asking import answer, question_of

    wanted, place = _wanted(arguments), _place(arguments)
    frame = _frame(adapter, arguments)
    index = await opened(adapter)
    question = question_of(index, frame, place, wanted)
    found = await looked_for(
        adapter,
        lambda word: answer(index, question, word.cancelled, word),
        f"Neighbours of {question.place}",
        custom.NEIGHBORS,
    )
    return Reply(neighbors_body(found, max(0, arguments.start), arguments.count))


def _frame(adapter: Adapter, given: custom.NeighborsArguments) -> "Frame":
    """The frame that is pointed at, in one of two ways."""
    from s2sdap.debugger.neighbors.pointing import frame_of

    numbers = {name: getattr(given, name) for name in ("sentence", "branch", "step", "hypothesis")}
    pointed = [name for name, value in numbers.items() if value is not None]
    if not pointed:
        return frame_at(adapter, given.frame_id, given.thread_id)
    if given.frame_id is not None or given.thread_id is not None:
        reason = f"give a frame or a thread, or `{pointed[0]}`"
        raise S2sdapError("bad_arguments", command=custom.NEIGHBORS, reason=reason)
    session = adapter.need_session()
    if not session.hypotheses() and given.sentence is None:
        raise S2sdapError("ended")
    return frame_of(session, **numbers)


def _place(given: custom.NeighborsArguments) -> "StatePlace | None":
    """The place that is named, `None` where that is left to the frame. Raises `index_site`."""
    from s2sdap.debugger.neighbors.places import StatePlace
    from s2sdap.neighbors.states import StateSite

    if given.site is None:
        if given.layer is not None or given.position is not None:
            reason = "`layer` and `position` are of a `site`"
            raise S2sdapError("bad_arguments", command=custom.NEIGHBORS, reason=reason)
        return None
    written = given.site if given.layer is None else f"{given.site}.{given.layer}"
    return StatePlace(StateSite.parse(written), given.position)


def _wanted(given: custom.NeighborsArguments) -> "Wanted":
    from s2sdap.debugger.neighbors.lookups import Wanted

    sentences = None
    if given.sentences is not None:
        if len(given.sentences) != 2:
            reason = "`sentences` are the first and the last"
            raise S2sdapError("bad_arguments", command=custom.NEIGHBORS, reason=reason)
        sentences = (given.sentences[0], given.sentences[1])
    return Wanted(
        k=given.k,
        metric=given.metric,
        kind=given.kind,
        token=f"#{given.token}" if isinstance(given.token, int) else given.token,
        right=given.right,
        sentences=sentences,
        others=given.others,
    )


@handles(custom.NEAREST_TOKENS, custom.NearestTokensArguments, When.STOPPED)
async def nearest_tokens(adapter: Adapter, arguments: custom.NearestTokensArguments) -> Reply:
    """The tokens nearest to a word or a token by embedding."""
    from s2sdap.dap.neighbor_bodies import nearest_tokens_body

    look = _embedded(adapter, arguments)
    found = await looked_for(adapter, lambda _word: look(), "Looking for tokens", custom.NEAREST_TOKENS)
    return Reply(nearest_tokens_body(found))


def _embedded(adapter: Adapter, given: custom.NearestTokensArguments) -> "Callable[[], NearTokens]":
    """What looks for the tokens that are asked for."""
    from s2sdap.debugger.neighbors.lookups import check_count
    from s2sdap.debugger.neighbors.places import source_token
    from s2sdap.neighbors.embedding import near_token, near_word
    from s2sdap.neighbors.search import Metric

    def refusal(reason: str) -> S2sdapError:
        return S2sdapError("bad_arguments", command=custom.NEAREST_TOKENS, reason=reason)

    if given.side not in ("source", "target"):
        raise refusal("`side` is source or target")
    side: Side = "source" if given.side == "source" else "target"
    named = [name for name in ("word", "token", "position") if getattr(given, name) is not None]
    if len(named) > 1:
        raise refusal(f"give one of {', '.join(named)}")
    if given.position is not None and side == "target":
        raise refusal("`position` is of a source token")
    check_count(given.k)
    session = adapter.need_session()
    session.need_model("show its embeddings")
    metric, model, word = Metric.named(given.metric), session.model, given.word
    if word is not None:
        return lambda: near_word(model, side, word, given.k, metric)
    token = given.token
    if token is None:
        frame = frame_at(adapter, given.frame_id, given.thread_id)
        token = frame.token if side == "target" else source_token(frame, given.position).id
    number = token
    return lambda: near_token(model, side, number, given.k, metric)


FAMILY = (neighbors, nearest_tokens)
