"""What a step of beam search did, told as candidates with their fates and hypotheses.

Transformers moves tensors; here each place in them is matched with the hypothesis that a person
follows, by the tracer that `beams` sent along.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.asked import Asked
from s2sdap.decoding.generation.choice import Chosen, Decided
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.records import Fate, Hypothesis, Reason, Snapshot

OLD: Final = 1_000_000
"""Tracers from here on are of beams that had finished before."""


@dataclass(frozen=True, slots=True, eq=False)
class Beams:
    """Transformers' own state of a beam search, cut to the tokens there are so far.

    `running` and `finished` [B, N, T] are token ids, the scores [B, N], the histories [B, N, T - P]
    hold the row that each token came from. `rows` is the row of each live hypothesis, `levels` one more
    than the step of the last choice that it carries (0: none); `ends` the hypothesis in each place of
    `finished`.
    """

    running: Tensor
    finished: Tensor
    running_scores: Tensor
    finished_scores: Tensor
    running_history: Tensor
    finished_history: Tensor
    is_finished: Tensor
    improvable: Tensor
    rows: tuple[int, ...]
    levels: tuple[int, ...]
    ends: tuple[Hypothesis | None, ...]
    prompt: int
    returned: int

    def best(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that are returned, sentence by sentence, best first."""
        width = self.running.shape[1]
        groups = (self.ends[start : start + width] for start in range(0, len(self.ends), width))
        return tuple(each for group in groups for each in group[: self.returned] if each is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """The outcome of a step in plain numbers, to be told as candidates and hypotheses."""

    prepared: Prepared
    before: Snapshot
    state: Beams
    processed: Processed
    tokens: list[list[int]]
    parents: list[list[int]]
    scores: list[list[float]]
    empty: list[tuple[bool, ...]]
    hits: list[list[bool]]
    came: list[list[int]]
    ended_at: list[list[int]]
    is_finished: list[list[bool]]
    early_stopping: list[bool | str]
    asked: Asked
    ends: frozenset[int]
    over: bool

    def choice(self, state: Beams, order: Tensor) -> Chosen:
        """The step's candidates with their fates, and the hypotheses that go on."""
        before, config = self.before, self.prepared.config
        length = state.running.shape[2] - state.prompt
        term = float(length**config.length_penalty)
        index_of = {row: index for index, row in enumerate(self.state.rows)}
        entries: list[Decided] = []
        taken: set[int] = set()
        next_id = before.next_id
        live: list[Hypothesis] = []
        rows: list[int] = []
        levels: list[int] = []
        ends: list[Hypothesis | None] = []
        batch, beams = len(self.tokens), state.running.shape[1]
        logprobs = self._logprobs()
        alone = {*self.asked.forced, *self.asked.pruned}
        for sentence in range(batch):
            full = self.early_stopping[sentence] is True and all(self.is_finished[sentence])
            over = self.over or full or not bool(state.improvable[sentence, 0])
            fates = self._fates(sentence, over=over, last=length >= config.max_length - state.prompt)
            placed: dict[int, Hypothesis] = {}
            for rank in self._ranks(sentence):
                fate, reason = fates[rank]
                row, token = self.parents[sentence][rank], self.tokens[sentence][rank]
                if row not in index_of:  # a place that holds nothing
                    continue
                parent = before.live[index_of[row]]
                logprob = float(logprobs[sentence][rank])
                identity = -1
                if fate is not Fate.PRUNED:
                    if row in taken:
                        identity, next_id = next_id, next_id + 1
                    else:
                        identity = parent.id
                        taken.add(row)
                    score = parent.score + logprob
                    placed[rank] = Hypothesis(
                        id=identity,
                        step=before.step,
                        token=token,
                        parent=parent,
                        row=index_of[row],
                        candidate=len(entries),
                        logprob=logprob,
                        score=score,
                        final=score / term,
                        finished=fate is Fate.FINISHED,
                        forced=parent.forced or self.asked.by_person(row, token),
                        coverage=None,
                        sentence=parent.sentence,
                    )
                entries.append(Decided(index_of[row], token, logprob, fate, reason, identity))
            for place, rank in enumerate(self.came[sentence]):
                if rank in placed and not placed[rank].finished:
                    live.append(placed[rank])
                    rows.append(sentence * beams + place)
                    chosen_now = self.asked.by_person(
                        self.parents[sentence][rank], self.tokens[sentence][rank]
                    )
                    levels.append(before.step + 1 if chosen_now else self.state.levels[placed[rank].row])
            for place, tracer in enumerate(self.ended_at[sentence]):
                if not self.is_finished[sentence][place]:
                    ends.append(None)
                elif tracer >= OLD:
                    ends.append(self.state.ends[sentence * beams + tracer - OLD])
                else:
                    ends.append(placed.get(tracer))
        passed_over = Reason.DRAW if config.do_sample else Reason.RANK
        return Chosen(
            decided=tuple(entries),
            others=tuple(Reason.FORCED if row in alone else passed_over for row in self.state.rows),
            length_term=term,
            live=tuple(live),
            finished=tuple(each for each in ends if each is not None),
            next_id=next_id,
            ended=self.over or not live,
            search=replace(state, rows=tuple(rows), levels=tuple(levels), ends=tuple(ends)),
            ids=state.running.reshape(batch * beams, -1),
            order=order,
        )

    def _ranks(self, sentence: int) -> list[int]:
        """The candidates of a sentence from the best on; drawn ones come in the order of the draw."""
        ranks = [rank for rank, empty in enumerate(self.empty[sentence]) if not empty]
        if not self.empty[sentence]:
            ranks = list(range(len(self.tokens[sentence])))
        if self.prepared.config.do_sample:
            ranks.sort(key=lambda rank: -self.scores[sentence][rank])
        return ranks

    def _logprobs(self) -> list[list[float]]:
        """The log-prob of every candidate; a forced one that is ruled out counts as the model thinks."""
        final, raw = self.processed.final, self.processed.raw
        rows = torch.tensor(self.parents, device=final.device)
        tokens = torch.tensor(self.tokens, device=final.device)
        found: list[list[float]] = final[rows, tokens].double().tolist()
        for row in {*self.asked.forced, *self.asked.revived}:
            given = self.asked.given(row)
            sentence = row // self.state.running.shape[1]
            for rank, (parent, each) in enumerate(
                zip(self.parents[sentence], self.tokens[sentence], strict=True)
            ):
                if parent == row and each in given and found[sentence][rank] == -math.inf:
                    found[sentence][rank] = float(raw[row, each])
        return found

    def _fates(self, sentence: int, *, over: bool, last: bool) -> list[tuple[Fate, Reason]]:
        goes_on = set(self.came[sentence])
        done = {
            tracer
            for place, tracer in enumerate(self.ended_at[sentence])
            if self.is_finished[sentence][place] and tracer < OLD
        }
        out: list[tuple[Fate, Reason]] = []
        for rank, (row, token) in enumerate(zip(self.parents[sentence], self.tokens[sentence], strict=True)):
            why = Reason.FORCED if token in self.asked.given(row) else Reason.NONE
            if rank in done:
                by_length = last and token not in self.ends
                out.append((Fate.FINISHED, Reason.LENGTH if by_length else why))
            elif self.hits[sentence][rank]:
                out.append((Fate.PRUNED, Reason.RANK))
            elif rank in goes_on:
                out.append((Fate.PRUNED, Reason.ENDED) if over else (Fate.SURVIVED, why))
            else:
                pruned = Reason.FORCED if row in self.asked.forced else Reason.RANK
                out.append((Fate.PRUNED, Reason.DRAW if self.prepared.config.do_sample else pruned))
        return out
