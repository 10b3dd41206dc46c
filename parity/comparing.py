"""One family under one setting: plain `generate`, and the same decode step by step with the taps in.

Both return scores and logits too, and every tensor of both is compared bit for bit. The stepped decode
is run twice, the second time going back a few steps every few steps and on from there, through caches
that are put together again from what the steps left.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationMixin, PreTrainedModel

from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.records import EncoderRecord, Snapshot
from s2sdap.models.huggingface.face import HuggingFaceModel

ALL = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
FIELDS = ("sequences", "sequences_scores", "scores", "logits", "beam_indices")
_LONGEST = 400
"""More steps than any setting takes: a decode that has not ended by then never does."""


def differences(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], settings: Mapping[str, Any], seed: int = 7
) -> list[str]:
    """The fields that are not bit-identical; those of the run with steps back are marked so."""
    arguments = {**inputs, **settings, **ALL}
    torch.manual_seed(seed)
    expected = GenerationMixin.generate(model, **arguments)
    luck = torch.get_rng_state()
    out: list[str] = []
    face = HuggingFaceModel.around(model)
    for kind, back in (("", False), (" after steps back", True)):
        torch.manual_seed(seed)
        plan = GeneratePlan.of_call(face, (), arguments)
        with plan.installed():
            encoder = plan.begin()
            last = finish(plan, encoder, back=back)
        got = plan.returned(encoder, last)
        if type(got) is not type(expected):
            out.append(f"type{kind}")
        out += [f"{name}{kind}" for name in FIELDS if not same(expected.get(name), got.get(name))]
        if arguments.get("do_sample") and not torch.equal(luck, last.state.luck.state):
            out.append(f"random numbers{kind}")
    return out


def finish(plan: GeneratePlan, encoder: EncoderRecord, *, back: bool) -> Snapshot:
    """The snapshot at which the decode has ended."""
    snapshots = [encoder.after]
    dice = random.Random(1)  # noqa: S311 - where to go back, nothing else
    for count in range(_LONGEST):
        if snapshots[-1].ended:
            return snapshots[-1]
        snapshots.append(plan.step(encoder, snapshots[-1]).after)
        if back and count % 4 == 3:
            del snapshots[dice.randrange(1, len(snapshots)) :]
    raise RuntimeError(f"the decode did not end within {_LONGEST} steps")


def same(one: Any, other: Any) -> bool:
    """Whether two outputs are the same to the last bit; not-a-number equals itself."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(_bits(one), _bits(other))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one is None and other is None


def _bits(value: Tensor) -> Tensor:
    kinds = {torch.float32: torch.int32, torch.float16: torch.int16, torch.bfloat16: torch.int16}
    return value.contiguous().view(kinds[value.dtype]) if value.dtype in kinds else value


def compared(
    model: PreTrainedModel, batches: Mapping[int, Mapping[str, Tensor]], settings: Mapping[str, Any]
) -> Iterator[str]:
    """The differences over several batch sizes, each with the size that it came up at."""
    for size, inputs in batches.items():
        yield from (f"{name} (batch of {size})" for name in differences(model, inputs, settings))
