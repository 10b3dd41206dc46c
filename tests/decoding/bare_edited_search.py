"""Beam search with a person's wishes in it, written apart from the one that it checks.

A hypothesis is named by its tokens, and the settings of each step are looked up anew. `wishes` are
(step, tokens of the hypothesis, what, ...): "add" a number to the logit of a token, "take" a token alone,
"revive" a token, "prune". It never stops early, so no bound is trusted; of one place the search is greedy
and ends with what finishes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from bare_search import Attending, Found, allowed, worth

from s2sdap.models.contract import untouched


@dataclass
class Path:
    """A hypothesis: tokens, the log-prob of each, their sum, what it attended to, whether it was chosen."""

    tokens: tuple = ()
    logprobs: tuple = ()
    score: float = 0.0
    covered: object = 0.0
    chosen: bool = False


def edited_beam(model, text, settings_at, wishes):
    """Everything that finishes, in the order in which it is returned."""
    encoded = model.encode(model.tokenize(text), untouched)
    state, eos, step = model.begin(encoded), model.target.eos, 0
    live, finished = [Path()], []
    while live:
        settings = settings_at(step)
        width, longest = settings["beam_size"], settings["max_length"]
        mine = [wish[1:] for wish in wishes if wish[0] == step]
        last = torch.tensor([path.tokens[-1] if path.tokens else model.target.bos for path in live])
        probe = Attending()
        logits, state = model.step(encoded, state, last, probe)
        ways = []
        for row, path in enumerate(live):
            ways += _ways(
                row, path, logits[row].clone(), [w[1:] for w in mine if w[0] == path.tokens], settings, eos
            )
        ways.sort(key=lambda way: (-way["score"], way["row"], way["token"]))
        asked = [way for way in ways if way["asked"]]
        room = width - sum(way["token"] != eos for way in asked)
        assert room >= 0, "more wishes than places"
        kept = list(asked)
        only = width == 1 and room == 0
        for row, path in enumerate(live):
            own = [way for way in ways if way["row"] == row and not way["asked"]]
            if path.chosen and own:
                own[0]["carried"] = True
        for way in [way for way in ways if way.get("carried")]:
            if not only and (way["token"] == eos or room > 0):
                kept.append(way)
                room -= way["token"] != eos
        for rank, way in enumerate(ways):
            if any(way is each for each in kept):
                continue
            if way["token"] == eos and rank < width and not only:
                kept.append(way)
            elif way["token"] != eos and room > 0:
                kept.append(way)
                room -= 1
        following, parents, done = [], [], 0
        for way in [way for way in ways if any(way is each for each in kept)]:
            path = live[way["row"]]
            new = Path(
                (*path.tokens, way["token"]),
                (*path.logprobs, way["logprob"]),
                way["score"],
                path.covered + getattr(probe, "weights", np.zeros((len(live), 1)))[way["row"]],
                path.chosen or way["asked"],
            )
            if way["token"] == eos or step + 1 >= longest:
                beta, alpha = settings["coverage_penalty"], settings["length_penalty"]
                beta = beta if hasattr(probe, "weights") else 0.0
                final = worth(new.score, step + 1, new.covered, alpha, beta)
                finished.append((new.chosen, Found(new.tokens, new.logprobs, new.score, final)))
                done += 1
            else:
                following.append(new)
                parents.append(way["row"])
        waiting = any(way["asked"] and way["token"] != eos for way in asked)
        live = [] if width == 1 and done and not waiting else following
        state = model.select(state, torch.tensor(parents, dtype=torch.long))
        step += 1
    return [each for _, each in sorted(finished, key=lambda pair: (not pair[0], -pair[1].final))]


def _ways(row, path, logits, wishes, settings, eos):
    """Every continuation of one hypothesis that is in the running."""
    for what, *more in wishes:
        if what == "add":
            logits[more[0]] += more[1]
    if any(what == "prune" for what, *_ in wishes):
        return []
    honest = torch.log_softmax(logits, dim=-1)
    may = allowed(
        path.tokens, len(logits), eos, min_length=settings["min_length"], ngram=settings["no_repeat_ngram"]
    )
    masked = logits.masked_fill(torch.from_numpy(~may), -np.inf)
    if bool((masked == -np.inf).all()):
        masked[eos] = 0.0
    ruled = torch.log_softmax(masked, dim=-1)
    taken = [token for what, *(token, *_) in wishes if what == "take"]
    revived = [token for what, *(token, *_) in wishes if what == "revive"]
    out = []
    for token in range(len(logits)):
        asked = token in taken or token in revived
        if (taken and not asked) or (ruled[token] == -np.inf and not asked):
            continue
        logprob = float(ruled[token] if ruled[token] > -np.inf else honest[token])
        out.append(
            {"row": row, "token": token, "logprob": logprob, "score": path.score + logprob, "asked": asked}
        )
    return out
