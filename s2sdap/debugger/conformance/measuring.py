"""Checks of the sites that a run leaves: which there are, their shapes, their numbers, the attention."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.debugger.conformance.bench import Bench, Broken, Run
from s2sdap.decoding.edits import ENCODER_STEP
from s2sdap.models.contract import Model
from s2sdap.vocabulary.sites import (
    ATTENTION_SCORES,
    ATTENTION_WEIGHTS,
    PREDICTION_GENERATED,
    PREDICTION_LOGITS,
    PREDICTION_LOGPROBS,
    SITES,
)
from s2sdap.vocabulary.stages import Stage

_OF_THE_STEP: Final = (PREDICTION_LOGITS, PREDICTION_LOGPROBS)
"""Sites that the step itself probes, whatever the model announces."""


class Watch:
    """A probe that changes nothing and writes down what it was shown, in the order of the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Tensor]] = []

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Write it down and return it."""
        self.calls.append((site, value))
        return value

    @property
    def sites(self) -> dict[str, Tensor]:
        """The last tensor of each site."""
        return dict(self.calls)


def sites(bench: Bench) -> str:
    """Whether what is announced is what is probed."""
    announced = {*bench.model.layout.sites} - {*_OF_THE_STEP}
    encoder = {name for name in announced if SITES[name].stage is Stage.ENCODER}
    for run in bench.runs:
        for step in range(ENCODER_STEP, len(run.records)):
            here = "the encoder" if step == ENCODER_STEP else f"step {step}"
            wanted = encoder if step == ENCODER_STEP else announced - encoder
            probed = set(run.sites_at(step)) - {*_OF_THE_STEP}
            if missing := sorted(wanted - probed):
                raise Broken(f"{', '.join(missing)} announced, and {here} never came there")
            if extra := sorted(probed - wanted):
                raise Broken(f"{', '.join(extra)} probed by {here}, and not announced there")
    if isinstance(bench.model, Model):
        _check_order(bench, bench.model)
    return f"{len(announced)} announced, all of them probed in every step"


def _check_order(bench: Bench, model: Model) -> None:
    """Each site once a step, in the order of the stages."""
    stages = model.layout.stages
    reading, stepping = Watch(), Watch()
    run = bench.run
    with torch.inference_mode():
        encoded = model.encode(run.encoder.source, reading)
        token = torch.tensor([model.target.bos], device=model.device)
        model.step(encoded, model.begin(encoded), token, stepping)
    for watch in (reading, stepping):
        names = [name for name, _ in watch.calls]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise Broken(f"{', '.join(twice)} probed more than once in one step: an edit would act twice")
        order = [stages.index(SITES[name].stage) for name in names]
        if order != sorted(order):
            raise Broken(f"computed in the order {', '.join(names)}; the stages say {' > '.join(stages)}")


def shapes(bench: Bench) -> str:
    """Whether every site has the axes that the vocabulary of sites gives it."""
    wrong: dict[str, str] = {}
    seen: dict[str, tuple[int, ...]] = {}
    for run in bench.runs:
        for step in range(ENCODER_STEP, len(run.records)):
            for name, value in run.sites_at(step).items():
                rows = None if step == ENCODER_STEP else len(run.records[step].before.live)
                reason = _misshapen(bench, run, step, name, tuple(value.shape), rows)
                if reason is None and name in seen and not {"S", "V"} & set(SITES[name].axes):
                    shape = tuple(value.shape)[0 if rows is None else 1 :]
                    reason = None if shape == seen[name] else f"{list(shape)} after {list(seen[name])}"
                seen.setdefault(name, tuple(value.shape)[0 if rows is None else 1 :])
                if reason is not None:
                    wrong.setdefault(name, reason)
    bench.unfit.update(wrong)
    if wrong:
        raise Broken("; ".join(f"{name} is {reason}" for name, reason in wrong.items()))
    for run in bench.runs:
        size, writable = run.records[0].sites[PREDICTION_LOGITS].shape[-1], len(run.plan.model.target)
        if size > writable:
            raise Broken(f"there are {size} logits, and the target vocabulary can write {writable} tokens")
    return ", ".join(
        f"{name} {_axes(name, shape)}" for name, shape in seen.items() if name in bench.model.layout.sites
    )


def _axes(name: str, shape: tuple[int, ...]) -> str:
    letters = SITES[name].axes.split()
    return f"[{' '.join(f'{letter}={size}' for letter, size in zip(letters, shape, strict=True))}]"


def _misshapen(
    bench: Bench, run: Run, step: int, name: str, shape: tuple[int, ...], rows: int | None
) -> str | None:
    """What is wrong with a shape, or `None`."""
    letters = SITES[name].axes.split() if name in SITES else []
    wanted = letters if rows is None else ["K", *letters]
    if name not in SITES:
        return f"{list(shape)}, and no site has that name"
    if len(shape) != len(wanted):
        return f"{list(shape)}; it must be [{' '.join(wanted)}]"
    sizes = dict(run.plan.model.layout.sizes)
    if letters[:1] == ["L"] and rows is None:
        sizes["L"] = sizes.get("L of the encoder", sizes.get("L", shape[0]))
    if rows is not None and shape[0] != rows:
        return f"{list(shape)}; its first axis is K, and there are {rows} hypotheses"
    for letter, size in zip(letters, shape if rows is None else shape[1:], strict=True):
        allowed = _allowed(bench, run, step, name, letter, sizes)
        if allowed is not None and size not in allowed:
            return f"{list(shape)}; {letter} is {size} and must be {' or '.join(map(str, allowed))}"
    return None


def _allowed(
    bench: Bench, run: Run, step: int, name: str, letter: str, sizes: dict[str, Any]
) -> tuple[int, ...] | range | None:
    """The lengths that an axis may have, `None` where nothing says."""
    length = len(run.encoder.source.tokens)
    if letter == "S":
        grows = Stage.ENCODER not in bench.model.layout.stages  # what is written is read as well
        return (length + step,) if grows and not bench.opaque else (length,)
    if letter == "V":  # what is generated has no word that only the source has
        written = bench.model if name == PREDICTION_GENERATED else run.plan.model
        return (dict(written.layout.sizes).get("V", len(written.target)),)
    if letter == "L" and SITES[name].stage is Stage.ATTENTION and "L" in sizes:
        return range(1, sizes["L"] + 1)  # not every layer need attend
    return (sizes[letter],) if letter in sizes and letter in "LH" else None


def numbers(bench: Bench) -> str:
    """Whether all numbers are finite; scores, logits and log-probs may be minus infinity."""
    count = 0
    worst: list[str] = []
    for step, name, value in _everything(bench):
        bad = ~torch.isfinite(value)
        if name in (ATTENTION_SCORES, PREDICTION_GENERATED, *_OF_THE_STEP):
            bad &= value != -torch.inf
        if bool(bad.any()):
            bench.unfit.add(name)
            where = "the encoder" if step == ENCODER_STEP else f"step {step}"
            worst.append(f"{name} of {where}: {int(bad.sum())} of {value.numel()} numbers are not finite")
        count += value.numel()
    if worst:
        raise Broken(worst[0])
    return f"{count:,} numbers"


def attention(bench: Bench) -> str:
    """Whether attention weights are distributions."""
    furthest, sinks = 0.0, 0
    for step, name, value in _everything(bench):
        if name != ATTENTION_WEIGHTS:
            continue
        bound = 1e-4 if value.dtype in (torch.float32, torch.float64) else 2e-2
        if bool((value < 0).any()):
            raise Broken(f"step {step}: a weight of {float(value.min()):.4g} is below 0")
        sums = value.double().sum(dim=-1)
        off = float((sums - 1).abs().max())
        if off > bound:
            # Attention sinks of a library's model take part in the softmax and are not on show.
            if bench.opaque or float(sums.max()) > 1 + bound:
                worst = float(sums.flatten()[(sums - 1).abs().argmax()])
                raise Broken(f"step {step}: weights sum to {worst:.6g}")
            sinks += 1
        furthest = max(furthest, off)
    told_off = f"sums differ from 1 by at most {furthest:.1e}"
    return f"{told_off}, where the rest is a sink" if sinks else told_off


def _everything(bench: Bench) -> Iterator[tuple[int, str, Tensor]]:
    """Every site of every step of the greedy decodes."""
    for run in bench.runs:
        for step in range(ENCODER_STEP, len(run.records)):
            for name, value in run.sites_at(step).items():
                yield step, name, value
