"""From the steps of a batch back to its outputs: every finished hypothesis followed to its beginning."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.choices import ChoiceKeeper, Choices
from s2sdap.decoding.decode import Output
from s2sdap.models.contract import Described, Source, TargetVocabulary, extends
from s2sdap.models.tokens import added_words


class Step(NamedTuple):
    """What a step decided: of `active` sentences the live rows' parents, tokens and log-probs.

    `candidates` are the row, token, log-prob and score of all that could get a place; those that
    finished are among them. `None` where the step followed a prefix.
    """

    active: Tensor
    parents: Tensor
    tokens: Tensor
    values: Tensor
    candidates: tuple[Tensor, Tensor, Tensor, Tensor] | None


class PieceTable(dict[int, str]):
    """The pieces of target tokens, each asked of the vocabulary once a batch."""

    def __init__(self, target: TargetVocabulary) -> None:
        super().__init__()
        self._target = target

    def __missing__(self, token: int) -> str:
        piece = self[token] = self._target.piece(token)
        return piece

    def of(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """How each token is written."""
        return tuple(map(self.__getitem__, tokens))


class Writers:
    """The target vocabulary of each sentence of a batch, with its pieces; nearly always one for all."""

    def __init__(self, model: Described, sources: Sequence[Source]) -> None:
        self.one = model.target, PieceTable(model.target)
        self.each: list[tuple[TargetVocabulary, PieceTable]] | None = None
        if extends(model):
            targets = [model.reading(source).target for source in sources]
            if any(map(added_words, targets)):
                self.each = [(target, PieceTable(target)) for target in targets]

    def written(self, sentence: int, tokens: tuple[int, ...]) -> tuple[str, tuple[str, ...]]:
        """The text of a sentence's tokens, and how each is written."""
        target, pieces = self.one if self.each is None else self.each[sentence]
        return target.text(tokens), pieces.of(tokens)


def outputs_of(
    writers: Writers, steps: Sequence[Step], finals: Tensor, where: Tensor, most: int
) -> tuple[tuple[Output, ...], ...]:
    """The outputs of each sentence, best first. `where` is step * most + candidate, `finals` [B, N]."""
    count, kept = where.shape
    found = (finals > -np.inf).cpu().numpy().reshape(-1)
    codes = where.cpu().numpy().reshape(-1)
    owners = np.repeat(np.arange(count), kept)
    at, candidate = codes // most, codes % most
    tokens = np.zeros((len(codes), len(steps)), np.int64)
    values = np.zeros((len(codes), len(steps)), np.float64)
    scores = np.zeros(len(codes), np.float64)
    rows = np.zeros(len(codes), np.int64)
    for time in range(len(steps) - 1, -1, -1):
        step = steps[time]
        place = np.full(count, -1)
        place[step.active.cpu().numpy()] = np.arange(len(step.active))
        earlier = np.flatnonzero(found & (at > time))
        if len(earlier):
            sentence, row = place[owners[earlier]], rows[earlier]
            tokens[earlier, time] = step.tokens.cpu().numpy()[sentence, row]
            values[earlier, time] = step.values.cpu().numpy()[sentence, row]
            rows[earlier] = step.parents.cpu().numpy()[sentence, row]
        ending = np.flatnonzero(found & (at == time))
        if len(ending) and step.candidates is not None:
            sentence, chosen = place[owners[ending]], candidate[ending]
            row_of, token_of, value_of, score_of = (each.cpu().numpy() for each in step.candidates)
            rows[ending] = row_of[sentence, chosen]
            tokens[ending, time] = token_of[sentence, chosen]
            values[ending, time] = value_of[sentence, chosen]
            scores[ending] = score_of[sentence, chosen]
    all_finals = finals.cpu().numpy().reshape(-1)
    return tuple(
        tuple(
            _output(
                writers,
                sentence,
                tokens[index, : at[index] + 1],
                values[index, : at[index] + 1],
                float(scores[index]),
                float(all_finals[index]),
            )
            for index in range(sentence * kept, (sentence + 1) * kept)
            if found[index]
        )
        for sentence in range(count)
    )


def ends_of(
    steps: Sequence[Step], finals: Tensor, where: Tensor, most: int, names: frozenset[str], tolerance: float
) -> Choices:
    """The last choice of each sentence's best output."""
    keeper = ChoiceKeeper(names, tolerance)
    found = finals > -torch.inf
    for time, step in enumerate(steps):
        if step.candidates is None:
            continue
        ending = found[step.active] & (where[step.active] // most == time)
        if not bool(ending.any()):
            continue
        sentences = step.active[ending]
        index = (where[sentences] % most)[:, None]
        row, token, value, score = (each[ending].gather(1, index)[:, 0] for each in step.candidates)
        keeper.add(*(time, sentences, token, value, score), rows=row, finished=torch.ones_like(row).bool())
    return keeper.all()


def _output(
    writers: Writers,
    sentence: int,
    tokens: NDArray[np.int64],
    values: NDArray[np.float64],
    score: float,
    final: float,
) -> Output:
    written = tuple(tokens.tolist())
    text, pieces = writers.written(sentence, written)
    return Output(
        text=text,
        tokens=written,
        pieces=pieces,
        logprobs=tuple(values.tolist()),
        score=score,
        final=final,
    )
