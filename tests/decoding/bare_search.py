"""Searches written from the textbook on the bare model contract, apart from the ones that they check.

Nothing of `s2sdap.decoding` is imported. `settings` is a mapping, so that the rules below are read here
and not there: what may follow a prefix (`allowed`), and what a whole output is worth (`worth`).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch

from s2sdap.models.contract import untouched


@dataclass(frozen=True)
class Found:
    """An output: its tokens, the log-prob of each, their sum and the score after penalties."""

    tokens: tuple
    logprobs: tuple
    score: float
    final: float


class Attending:
    """A probe that keeps the attention of a step, [K, S], and touches nothing."""

    def __call__(self, site, value):
        if site == "attention.weights":
            self.weights = value.mean(dim=(1, 2)).numpy()
        return value


def allowed(tokens, size, eos, *, min_length=0, ngram=0):
    """Which of `size` tokens may follow `tokens`; the end symbol is the way out where none may."""
    may = np.ones(size, bool)
    may[eos] = len(tokens) + 1 >= min_length
    for start in range(len(tokens) - ngram + 1 if ngram else 0):
        *head, last = tokens[start : start + ngram]
        if list(tokens[len(tokens) - ngram + 1 :] if ngram > 1 else ()) == head:
            may[last] = False
    if not may.any():
        may[eos] = True
    return may


def worth(score, length, coverage, alpha=0.0, beta=0.0):
    """Wu et al. 2016, equation 14."""
    lp = ((5 + length) / 6) ** alpha
    cp = beta * sum(math.log(min(max(float(each), 1e-20), 1.0)) for each in coverage) if beta else 0.0
    return score / lp + cp


def greedy(model, text, max_length):
    """The likeliest token, again and again."""
    encoded = model.encode(model.tokenize(text), untouched)
    state, token, tokens, logprobs = model.begin(encoded), model.target.bos, [], []
    while len(tokens) < max_length and (not tokens or token != model.target.eos):
        logits, state = model.step(encoded, state, torch.tensor([token]), untouched)
        row = torch.log_softmax(logits, dim=-1)[0]
        token = int(row.argmax())
        tokens.append(token)
        logprobs.append(float(row[token]))
    score = sum(logprobs)
    return Found(tuple(tokens), tuple(logprobs), score, score)


def beam(model, text, width, max_length, *, alpha=0.0, beta=0.0):
    """Everything that beam search finishes, best first. Never stops early, so no bound is trusted."""
    encoded = model.encode(model.tokenize(text), untouched)
    state, eos = model.begin(encoded), model.target.eos
    live, finished = [((), (), 0.0, 0.0)], []
    for length in range(1, max_length + 1):
        last = torch.tensor([tokens[-1] if tokens else model.target.bos for tokens, *_ in live])
        probe = Attending()
        logits, state = model.step(encoded, state, last, probe)
        rows = torch.log_softmax(logits, dim=-1).double().tolist()
        ways = [
            (-(live[row][2] + value), row, token)
            for row, values in enumerate(rows)
            for token, value in enumerate(values)
        ]
        following, parents = [], []
        for rank, (minus, row, token) in enumerate(sorted(ways)):
            tokens, logprobs, _, covered = live[row]
            coverage = covered + probe.weights[row] if beta else 0.0
            new = ((*tokens, token), (*logprobs, rows[row][token]), -minus, coverage)
            if token == eos and rank >= width:
                continue
            if token != eos and len(following) == width:
                continue
            if token != eos:
                following.append(new)
                parents.append(row)
            if token == eos or length == max_length:
                finished.append(Found(*new[:3], worth(-minus, length, coverage, alpha, beta)))
        live = following
        state = model.select(state, torch.tensor(parents, dtype=torch.long))
    return sorted(finished, key=lambda found: -found.final)


def enumerate_all(model, text, max_length, *, alpha=0.0, beta=0.0, min_length=0, ngram=0):
    """Every output of at most `max_length` tokens, best first, in double precision from the logits on."""
    encoded = model.encode(model.tokenize(text), untouched)
    eos, found = model.target.eos, []

    def grow(tokens, logprobs, covered, state):
        probe = Attending()
        last = torch.tensor([tokens[-1] if tokens else model.target.bos])
        logits, state = model.step(encoded, state, last, probe)
        logits = logits[0].double().numpy()
        may = allowed(tokens, len(logits), eos, min_length=min_length, ngram=ngram)
        total = np.log(np.exp(logits[may] - logits.max()).sum()) + logits.max()
        coverage = covered + probe.weights[0] if beta else 0.0
        for token in np.flatnonzero(may).tolist():
            longer = (*tokens, token), (*logprobs, float(logits[token] - total))
            if token == eos or len(longer[0]) == max_length:
                score = math.fsum(longer[1])
                found.append(Found(*longer, score, worth(score, len(longer[0]), coverage, alpha, beta)))
            else:
                grow(*longer, coverage, state)

    grow((), (), 0.0, model.begin(encoded))
    return sorted(found, key=lambda each: -each.final)


def count_of_outputs(size, max_length):
    """How many outputs there are: those that end, and those that are cut off."""
    return (
        sum((size - 1) ** n for n in itertools.islice(itertools.count(), max_length))
        + (size - 1) ** max_length
    )
