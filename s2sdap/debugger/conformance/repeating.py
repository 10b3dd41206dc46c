"""Checks that run a decode again: it works, repeats, keeps to itself, resumes, and is not disturbed."""

import random
from typing import Any

import torch

from s2sdap.debugger.conformance.bench import Absent, Bench, Broken, Run, largest_gap
from s2sdap.debugger.conformance.bits import Bits, bits_of, bits_of_encoder, bits_of_step, difference
from s2sdap.decoding.planning import generates, settings_for
from s2sdap.decoding.records import StepRecord
from s2sdap.models.contract import GeneratingModel, Model, untouched
from s2sdap.vocabulary import sites


def decode(bench: Bench) -> str:
    """Decode every source greedily; what comes of it is what the other checks look at."""
    if generates(bench.model):  # before anything is put onto the model
        bench.own_outputs = [_generated(bench, bench.model, source) for source in bench.sources]
    for source in bench.sources:
        try:
            bench.runs.append(bench.decode(source))
        except Exception:
            _check_logits(bench, source)
            raise
    outputs = [run.plan.model.target.text(run.tokens) for run in bench.runs]
    first = f"{bench.sources[0]!r} becomes {outputs[0]!r}"
    return f"{first}; {sum(len(run.records) for run in bench.runs)} steps in all"


def _check_logits(bench: Bench, source: str) -> None:
    """Say it in words where the first step's logits are no [1, V]."""
    if not isinstance(bench.model, Model):
        return
    model = bench.model
    with torch.inference_mode():
        encoded = model.encode(model.tokenize(source), untouched)
        token = torch.tensor([model.target.bos], device=model.device)
        logits, _ = model.step(encoded, model.begin(encoded), token, untouched)
    if logits.dim() != 2 or len(logits) != 1:
        raise Broken(f"`step` returns logits {list(logits.shape)} for one hypothesis; they must be [1 V]")


def determinism(bench: Bench) -> str:
    """Whether a second run leaves the same, bit for bit."""
    for source, run in zip(bench.sources, bench.runs, strict=True):
        again = bench.decode(source)
        _same_run(bench, run, again, f"{source!r} decoded twice")
    return f"{_steps(bench)} steps run twice are bit-identical"


def independence(bench: Bench) -> str:
    """Whether two decodes in turns, step by step, leave the same as each by itself."""
    pair = (bench.sources[0], bench.sources[1 % len(bench.sources)])
    plans = [bench.plan(source) for source in pair]
    encoders = [plan.begin() for plan in plans]
    wanted = (bench.runs[0], bench.runs[1 % len(bench.runs)])
    records: list[list[StepRecord]] = [[], []]
    snapshots = [encoder.after for encoder in encoders]
    while not all(snapshot.ended for snapshot in snapshots):
        for turn, plan in enumerate(plans):
            if not snapshots[turn].ended:
                records[turn].append(plan.step(encoders[turn], snapshots[turn]))
                snapshots[turn] = records[turn][-1].after
    for turn, plan in enumerate(plans):
        run = Run(plan, encoders[turn], tuple(records[turn]))
        _same_run(bench, wanted[turn], run, f"{pair[turn]!r} decoded in turns with another sentence")
    return f"{sum(map(len, records))} steps in turns with another sentence are bit-identical"


def _same_run(bench: Bench, left: Run, right: Run, how: str) -> None:
    opaque = bench.opaque
    place = difference(
        bits_of_encoder(left.encoder, opaque=opaque), bits_of_encoder(right.encoder, opaque=opaque)
    )
    if place is not None:
        raise Broken(f"{how}: {place} of the encoder differs")
    for step, pair in enumerate(zip(left.records, right.records, strict=False)):
        place = difference(*(bits_of_step(record, opaque=opaque) for record in pair))
        if place is not None:
            raise Broken(f"{how}: {place} of step {step} differs{_by(*pair, place)}")
    if len(left.records) != len(right.records):
        raise Broken(f"{how}: {len(left.records)} steps and {len(right.records)} steps")


def _by(left: StepRecord, right: StepRecord, place: str) -> str:
    """By how much a site differs, where it is one and has one shape."""
    if place not in left.sites or place not in right.sites:
        return ""
    pair = left.sites[place], right.sites[place]
    return f" by up to {largest_gap(*pair):.2g}" if pair[0].shape == pair[1].shape else ""


def snapshots(bench: Bench) -> str:
    """Whether every step can be run again from its snapshot, in any order, with what it left unchanged."""
    count = 0
    draw = random.Random(0)  # noqa: S311 - an order, not a secret
    for source in bench.sources:
        plan = bench.plan(source)
        encoder = plan.begin()
        before = [encoder.after]
        left = [_kept(bench, encoder, None)]
        records: list[StepRecord] = []
        while not before[-1].ended:
            records.append(plan.step(encoder, before[-1]))
            before.append(records[-1].after)
            left.append(_kept(bench, encoder, records[-1]))
        for step, bits in enumerate(left):
            record = records[step - 1] if step else None
            if (place := difference(bits, _kept(bench, encoder, record))) is not None:
                which = f"step {step - 1}" if step else "the encoder"
                raise Broken(f"{source!r}: a later step wrote in place into {place} of {which}")
        order = list(range(len(records)))
        draw.shuffle(order)
        for step in order:
            again = plan.step(encoder, before[step])
            pair = left[step + 1], _kept(bench, encoder, again)
            if (place := difference(*pair)) is not None:
                told = _by(records[step], again, place)
                raise Broken(f"{source!r}: step {step} from its snapshot differs in {place}{told}")
        count += len(order)
    return f"{count} steps run again from their snapshots in mixed order are bit-identical"


def _kept(bench: Bench, encoder: Any, record: StepRecord | None) -> Bits:
    """The table of a record, or that of the encoder, whose values every step reads."""
    if record is None:
        return bits_of_encoder(encoder, opaque=bench.opaque)
    return bits_of_step(record, opaque=bench.opaque)


def neutrality(bench: Bench) -> str:
    """Whether the model does the same when nobody watches."""
    if generates(bench.model):
        return _like_generate(bench)
    model = bench.stepper
    for source, run in zip(bench.sources, bench.runs, strict=True):
        with torch.inference_mode():
            encoded = model.encode(model.tokenize(source), untouched)
            state = model.begin(encoded)
            previous = model.target.bos
            for step, (token, record) in enumerate(zip(run.tokens, run.records, strict=True)):
                row = torch.tensor([previous], device=model.device)
                logits, state = model.step(encoded, state, row, untouched)
                watched = record.sites[sites.PREDICTION_LOGITS]
                if bits_of(logits) != bits_of(watched):
                    apart = largest_gap(logits, watched) if logits.shape == watched.shape else torch.inf
                    raise Broken(f"{source!r}: unwatched, the logits of step {step} differ by {apart:.2g}")
                previous = token
    return f"the logits of {_steps(bench)} steps are bit-identical to those of a bare loop"


def _like_generate(bench: Bench) -> str:
    tokens = 0
    for source, run, own in zip(bench.sources, bench.runs, bench.own_outputs, strict=True):
        if isinstance(own, Exception):
            raise own
        returned = getattr(run.plan, "returned", None)
        if own is None or returned is None:
            raise Absent("the model has no `generate` of its own to compare with")
        ours = _sequences(returned(run.encoder, run.records[-1].after))
        if ours.tolist() != own.tolist():
            raise Broken(f"{source!r}: `generate` gives {own.tolist()}, the plan {ours.tolist()}")
        tokens += ours.numel()
    return f"the {tokens} tokens that the model's own `generate` gives, prompts included"


def _generated(bench: Bench, model: GeneratingModel, source: str) -> Any:
    """The sequences that the library's `generate` gives, `None` where there is none, or what it raised."""
    inner = getattr(model, "model", None)
    owners = [kind for kind in type(inner).__mro__ if kind.__name__ == "GenerationMixin"]
    if not owners:
        return None
    try:
        settings: Any = settings_for(model, bench.search(), {})
        inputs = model.inputs(model.tokenize(source))
        generate: Any = owners[0].generate  # type: ignore[attr-defined] # the mixin's, not a family's own
        return _sequences(generate(inner, **inputs, **settings.given))
    except Exception as error:  # told by the check that compares
        return error


def _sequences(returned: Any) -> torch.Tensor:
    """The token ids of what `generate` returned."""
    found: torch.Tensor = getattr(returned, "sequences", returned)
    return found


def _steps(bench: Bench) -> int:
    return sum(len(run.records) for run in bench.runs)
