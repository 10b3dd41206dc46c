"""Checks of edits: each site acts, an edit that changes nothing changes nothing, a token is taken."""

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from s2sdap.debugger.conformance.bench import (
    Absent,
    Bench,
    Broken,
    Run,
    forced,
    hypothesis_at,
    logits_gap,
    tolerance,
)
from s2sdap.debugger.conformance.bits import bits_of_step, difference
from s2sdap.debugger.conformance.report import Finding, Outcome
from s2sdap.decoding.edits import ENCODER_STEP, SiteEdit
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import ATTENTION_WEIGHTS, PREDICTION_LOGITS, SITES
from s2sdap.vocabulary.stages import Stage

LARGEST: Final = 1 << 16
"""Numbers that an edit sets at most; of a larger site it sets the last row."""
TRIES: Final = 3
"""Different edits before a site counts as one without effect."""


def edits(bench: Bench) -> Iterator[Finding]:
    """Whether an edit at each site changes what comes after it."""
    for site in bench.model.layout.sites:
        if site not in bench.unfit:
            yield _edited(bench, site)


def _edited(bench: Bench, site: str) -> Finding:
    step = _step_of(bench.run, site)
    value = _row(bench.run, step, site)
    if site == ATTENTION_WEIGHTS and value.shape[-1] == 1:
        return Finding("edits", Outcome.ABSENT, "one source token always has all the weight", site)
    refused = ""
    for attempt in range(TRIES):
        wanted = _other(site, value, attempt)
        try:
            run = bench.edited(_edit(bench.run, step, site, wanted))
        except S2sdapError as error:  # numbers that the model cannot go on with, perhaps
            refused = str(error)
            continue
        changed = _changed(bench.run, run, step, site)
        gap = logits_gap(bench.run, run)
        if site in bench.noise and gap <= 10 * bench.noise[site]:  # no more than setting what is there
            continue
        if changed is not None:
            moved = f"; logits move by up to {gap:.2g}" if gap else ""
            return Finding("edits", Outcome.PASS, f"changes {changed}{moved}", site)
    told = f"{TRIES} edits at {_where(step)} change nothing that comes after"
    return Finding("edits", Outcome.FAIL, refused or told, site)


def identity(bench: Bench) -> str:
    """Whether an edit that sets what is there already leaves the run as it is."""
    names = [site for site in bench.model.layout.sites if site not in bench.unfit]
    for site in names:
        step = _step_of(bench.run, site)
        value = _row(bench.run, step, site)
        if not bool(torch.isfinite(value).all()):  # a masked score, which no edit may set
            continue
        run = bench.edited(_edit(bench.run, step, site, value))
        if _changed(bench.run, run, step, site) is not None:
            bench.noise[site] = logits_gap(bench.run, run)
    if not bench.noise:
        return f"bit-identical at all {len(names)} sites"
    site, gap = max(bench.noise.items(), key=lambda each: each[1])
    bound = tolerance(bench.run)
    if gap > bound:
        raise Broken(f"{site} set to what it is moves the logits by {gap:.2g}; {bound:.1g} is allowed")
    exact = len(names) - len(bench.noise)
    return f"bit-identical at {exact} of {len(names)} sites; at {site} logits move by {gap:.1e}"


def choice(bench: Bench) -> str:
    """Whether a token that a person chose is written, and the model goes on from it."""
    run = bench.run
    step = min(1, len(run.records) - 1)
    taken = run.tokens[step]
    logits = run.records[step].sites[PREDICTION_LOGITS][0]
    vocabulary = run.plan.model.target
    others = (taken, vocabulary.eos, vocabulary.bos)
    ranked = [each for each in logits.topk(min(4, len(logits))).indices.tolist() if each not in others]
    if not ranked:
        raise Absent("the vocabulary has no token that could be chosen instead")
    token = ranked[0]
    edit = forced(run, step, token)
    again = bench.edited(edit)
    written = again.tokens
    if written[:step] != run.tokens[:step] or written[step] != token:
        raise Broken(f"token {token} was chosen in step {step}, and the output is {written}")
    if len(again.records) > step + 1 and len(run.records) > step + 1:
        pair = [each.records[step + 1].sites[PREDICTION_LOGITS] for each in (run, again)]
        reads = bench.model.layout.reads_tokens
        if torch.equal(*pair) == reads:
            alike = "the same" if reads else "not the same"
            raise Broken(f"step {step + 1} is {alike} whether step {step} wrote {taken} or {token}")
    piece = vocabulary.piece(token)
    return f"{piece!r} in step {step} gives {vocabulary.text(written)!r}"


def _step_of(run: Run, site: str) -> int:
    """The step whose site is edited: the second, where others come after it."""
    if SITES[site].stage is Stage.ENCODER:
        return ENCODER_STEP
    return 1 if len(run.records) > 2 else 0


def _where(step: int) -> str:
    return "the encoder" if step == ENCODER_STEP else f"step {step}"


def _row(run: Run, step: int, site: str) -> Tensor:
    """The tensor at `site` of the first hypothesis, or its last row where it is large."""
    value = run.sites_at(step)[site]
    whole = value if step == ENCODER_STEP else value[0]
    return whole[_last(whole)] if whole.numel() > LARGEST else whole


def _last(whole: Tensor) -> tuple[int, ...]:
    return tuple(size - 1 for size in whole.shape[:-1])


def _edit(run: Run, step: int, site: str, values: Tensor) -> SiteEdit:
    value = run.sites_at(step)[site]
    whole = value if step == ENCODER_STEP else value[0]
    index = _last(whole) if values.dim() < whole.dim() else ()
    hypothesis = None if step == ENCODER_STEP else hypothesis_at(run, step)
    numbers = tuple(float(number) for number in values.double().flatten())
    return SiteEdit(step, hypothesis, site, numbers, index)


def _other(site: str, value: Tensor, attempt: int) -> Tensor:
    """Numbers that are far from those at `site`, others with each attempt.

    Weights go to one source token each, the least attended first; one number goes towards a half. Elsewhere
    a ramp is added: a constant would be lost in a softmax or a normalisation.
    """
    if site == ATTENTION_WEIGHTS:
        places = value.argsort(dim=-1)[..., min(attempt, value.shape[-1] - 1), None]
        return torch.zeros_like(value).scatter(-1, places, 1.0)
    finite = value.double().nan_to_num(0.0, 0.0, 0.0)
    if not value.dim():  # one number, which may be a probability
        return finite + (0.5 - finite) * (attempt + 1) / TRIES
    size = max(1.0, float(finite.abs().max())) * (1, -2, 8)[attempt]
    ramp = torch.linspace(-1, 1, value.shape[-1], dtype=torch.float64, device=value.device)
    return finite + size * (ramp if value.shape[-1] > 1 else torch.ones_like(ramp))


def _changed(before: Run, after: Run, step: int, site: str) -> str | None:
    """The first thing that an edit at `site` of `step` changed, itself apart; `None` if nothing."""
    for number, pair in enumerate(zip(before.records, after.records, strict=False)):
        left, right = (bits_of_step(record, opaque=False) for record in pair)
        if number == step:
            left.pop(site, None)
            right.pop(site, None)
        if (place := difference(left, right)) is not None:
            return f"{place.strip('.')} of step {number}"
    return None if len(before.records) == len(after.records) else "how long the output is"
