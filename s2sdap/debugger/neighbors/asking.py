"""Asking for the neighbours of a place, in two halves: what is asked, read at the frame; and the answer.

The question holds all that the answer needs of the session, so that it may be looked for in any thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from s2sdap.debugger.descriptions import Location
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.lookups import MOST, Lookup, Wanted
from s2sdap.debugger.neighbors.marking import target_spans
from s2sdap.debugger.neighbors.places import StatePlace, settled, sites_here, vector_at
from s2sdap.debugger.tokens import resolve_token
from s2sdap.models.tokens import TargetVocabulary
from s2sdap.neighbors.reference import Watch
from s2sdap.neighbors.search import Filter, Found, Search
from s2sdap.neighbors.search.found import NONE, Cancelled
from s2sdap.neighbors.sentences import CorpusSentence
from s2sdap.neighbors.states import States, StateSite
from s2sdap.neighbors.summary import Summary, summarise
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

Say = Callable[[str, float | None], None]
"""Hears how far long work is: in words, and 0..100 where that is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked: the vector at a place of a frame, and what of the frame the answer is held against.

    `token` is the id that a neighbour has to have, where one is asked for. `chosen` and `probabilities` [V]
    are those of the step, for a site of the target whose prediction is known; `pieces` are the source
    tokens by id, as far as the sentence on show has them.
    """

    frame: Frame
    place: StatePlace
    wanted: Wanted
    vector: Float32[np.ndarray, "D"]
    token: int | None
    chosen: int | None
    probabilities: Float[np.ndarray, "V"] | None


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A training state: where it stands in its corpus, and how far it is.

    `number` counts from 0, the nearest. `span` is where its token stands in `source`, or in `target` for a
    site of the target; `None` where it stands nowhere. `before` and `after` are the pieces beside it.
    `predicted` is the token that the model found likeliest there; sites of the source have none.
    """

    number: int
    row: int
    sentence: int
    position: int
    distance: float
    of_source: bool
    token: int
    piece: str
    source: str
    target: str | None
    before: str | None
    after: str | None
    span: Span | None
    predicted: int | None
    predicted_piece: str | None
    location: Location | None

    @property
    def right(self) -> bool | None:
        """Whether the model predicted the corpus's token; `None` for a site of the source."""
        return None if self.predicted is None else self.predicted == self.token

    @property
    def text(self) -> str:
        """The text that its token stands in."""
        return self.source if self.of_source or self.target is None else self.target


@dataclass(frozen=True, slots=True, eq=False)
class Neighborhood:
    """The answer: the neighbours, nearest first, what they say together, and how they were looked for.

    `pieces` are the tokens of the summary as they are written. `recall` is the measured share of the true
    nearest that such a search finds, `None` where it is exact.
    """

    question: Question
    index: str
    states: int
    metric: str
    kind: str
    why: str
    how: str
    exact: bool
    recall: float | None
    neighbors: tuple[Neighbor, ...]
    summary: Summary
    pieces: dict[int, str]


def place_here(index: OpenIndex, frame: Frame) -> StatePlace:
    """The place that is meant at a frame where none is named. Raises `no_state_here`."""
    found = sites_here(frame, index.sites)
    if not found:
        known = ", ".join(map(str, index.sites))
        raise S2sdapError("no_state_here", stage=frame.stage, path=index.path, known=known)
    return settled(frame, StatePlace(found[0]))


def question_of(index: OpenIndex, frame: Frame, place: StatePlace | None, wanted: Wanted) -> Question:
    """What is asked at a frame. Reads tensors of its records; computes nothing.

    Raises `index_no_site`, `no_such_site`, `not_yet`, `bad_value` or `unknown_token`.
    """
    place = place_here(index, frame) if place is None else settled(frame, place)
    index.store.dimension(place.site)  # refused before anything is looked for
    token = None if wanted.token is None else _token(frame, place.site, wanted.token)
    predicts = not place.site.of_source and frame.has(sites.PREDICTION_LOGPROBS)
    return Question(
        frame,
        place,
        wanted,
        vector_at(frame, place),
        token,
        frame.token if predicts else None,
        np.exp(frame.site(sites.PREDICTION_LOGPROBS).double().cpu().numpy()) if predicts else None,
    )


def answer(
    index: OpenIndex, question: Question, cancelled: Cancelled | None = None, say: Say | None = None
) -> Neighborhood:
    """The nearest training states. Raises what `Search.query` raises, and `search_cancelled`.

    The first to ask of a site has it measured how far training states are apart, which `say` hears of.
    """
    wanted, site = question.wanted, question.place.site
    search = index.search(site, wanted.metric, wanted.kind)
    found, states, sentences = _looked_for(index, search, question, cancelled)
    there = found.rows[0] != NONE
    distances = found.distances[0][there]
    target = question.frame.decode.model.target
    neighbors = tuple(
        _neighbor(number, int(row), float(distance), site, states, sentences, target)
        for number, (row, distance) in enumerate(zip(found.rows[0][there], distances, strict=True))
    )
    summary = summarise(
        distances,
        states.token,
        states.predicted,
        metric=search.metric,
        probabilities=question.probabilities,
        chosen=_of_here(question),
        reference=index.reference(site, wanted.metric, cancelled, None if say is None else _measured(say)),
    )
    return Neighborhood(
        question,
        index.path,
        index.store.count(site),
        str(search.metric),
        str(search.kind),
        search.why,
        found.how,
        found.exact,
        search.recall,
        neighbors,
        summary,
        {each.token: each.piece if each.of_source else target.piece(each.token) for each in neighbors},
    )


def _measured(say: Say) -> Watch:
    def watch(done: int, of: int) -> None:
        say(f"how far training states are apart: {done:,} of {of:,}", 100.0 * done / of)

    return watch


def neighbors_at(
    index: OpenIndex, frame: Frame, place: StatePlace | None = None, wanted: Wanted | None = None
) -> Neighborhood:
    """Both halves at once."""
    return answer(index, question_of(index, frame, place, wanted or Wanted()))


def found_by(
    index: OpenIndex,
    frame: Frame,
    lookup: Lookup,
    cancelled: Cancelled | None = None,
    say: Say | None = None,
) -> Neighborhood | Neighbor:
    """What a lookup finds; where it names one neighbour, that. Raises `no_such_neighbor`."""
    wanted, number = lookup.wanted, lookup.number
    if number is not None and number >= wanted.k:
        wanted = replace(wanted, k=number + 1)
    found = answer(index, question_of(index, frame, lookup.place, wanted), cancelled, say)
    if number is None:
        return found
    if number >= len(found.neighbors):
        raise S2sdapError("no_such_neighbor", number=number, place=lookup.place, count=len(found.neighbors))
    return found.neighbors[number]


def state_of(index: OpenIndex, frame: Frame, place: StatePlace, number: int) -> list[float]:
    """The numbers of one of the neighbours of a place, as the index has them.

    Raises `bad_value` where no such number can be asked for, and `no_such_neighbor`.
    """
    if not 0 <= number < MOST:
        expected = f"a number from 0, the nearest, to {MOST - 1}"
        reason = "so many are not looked for"
        raise S2sdapError("bad_value", value=number, name="neighbor", reason=reason, expected=expected)
    question = question_of(index, frame, place, Wanted())
    row = int(index.query(index.search(place.site), place.site, question.vector, number + 1).rows[0][number])
    if row == NONE:
        count = index.store.count(place.site)
        raise S2sdapError("no_such_neighbor", number=number, place=question.place, count=count)
    numbers: list[float] = index.states(place.site, [row]).vectors[0].astype(np.float64).tolist()
    return numbers


def _looked_for(
    index: OpenIndex, search: Search, question: Question, cancelled: Cancelled | None
) -> tuple[Found, States, dict[int, CorpusSentence]]:
    """What is found, with the states and sentences of it; where asked for, without those that read alike."""
    wanted = question.wanted
    where = Filter(question.token, wanted.right, wanted.sentences)
    here = question.frame.source.text
    while True:  # each time without at least one sentence more
        found = index.query(search, question.place.site, question.vector, wanted.k, where, cancelled)
        rows: NDArray[np.int64] = found.rows[0]
        states = index.states(question.place.site, rows[rows != NONE].tolist())
        sentences = index.sentences(states.sentence.tolist())
        alike = {number for number, each in sentences.items() if wanted.others and each.source == here}
        if not alike:
            return found, states, sentences
        where = replace(where, without=where.without | alike)


def _neighbor(
    number: int,
    row: int,
    distance: float,
    site: StateSite,
    states: States,
    sentences: dict[int, CorpusSentence],
    target: TargetVocabulary,
) -> Neighbor:
    of = sentences[int(states.sentence[number])]
    position, token = int(states.position[number]), int(states.token[number])
    pieces: Sequence[str] = of.pieces if site.of_source else of.target_pieces
    spans = of.spans if site.of_source else target_spans(of.target or "", of.target_pieces)
    predicted = int(states.predicted[number])
    last = len(pieces) - 1
    return Neighbor(
        number=number,
        row=row,
        sentence=of.sentence,
        position=position,
        distance=distance,
        of_source=site.of_source,
        token=token,
        piece=piece_at(of, site, position, token, target),
        source=of.source,
        target=of.target,
        before=pieces[position - 1] if 0 < position <= last else None,
        after=pieces[position + 1] if position < last else None,
        span=spans[position] if position <= last else None,
        predicted=None if predicted < 0 else predicted,
        predicted_piece=None if predicted < 0 else target.piece(predicted),
        location=Location(of.file, of.line) if of.file else None,
    )


def piece_at(of: CorpusSentence, site: StateSite, position: int, token: int, target: TargetVocabulary) -> str:
    """How a token of a corpus is written.

    A sentence without a target has the model's own output at the sites of the target, and no text of it.
    """
    pieces = of.pieces if site.of_source else of.target_pieces
    return pieces[position] if position < len(pieces) else target.piece(token)


def _of_here(question: Question) -> int | None:
    """The token on show: the one chosen at the step, or the source token of the place."""
    if question.place.site.of_source and question.place.position is not None:
        return question.frame.source.tokens[question.place.position].id
    return question.chosen


def _token(frame: Frame, site: StateSite, written: str) -> int:
    """The id of a token of the side that a site is of. Raises `unknown_token`."""
    if not site.of_source:
        return resolve_token(frame.decode.model.target, written)
    if written.startswith("#") and written[1:].isdigit():
        return int(written[1:])
    known = [*frame.source.tokens, *frame.decode.model.tokenize(written).tokens]
    found = next((token.id for token in known if token.piece == written and token.known), None)
    if found is None:
        raise S2sdapError("unknown_token", token=written, nearest=" as one token of the source")
    return found
