"""All that an interrupted training needs to go on to the bit, in one safetensors file.

Weights, what Adam keeps of each, the state of torch's generator, and as text the plan and the reports.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What was read: tensors by their names in the file, and the reports of the epochs as JSON."""

    tensors: Mapping[str, Tensor]
    reports: str

    def weights(self, network: nn.Module, prefix: str = "network") -> dict[str, Tensor]:
        """The weights under `prefix`, by their names in `network`."""
        return {name: self.tensors[f"{prefix}.{name}"] for name in network.state_dict()}

    def put_back(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Go on from here: network, optimizer, and torch's generator."""
        network.load_state_dict(self.weights(network))
        state = optimizer.state_dict()
        state["state"] = {
            number: {part: self.tensors[f"optimizer.{part}.{name}"] for part in _MOMENTS}
            for number, (name, _) in enumerate(network.named_parameters())
        }
        optimizer.load_state_dict(state)
        torch.set_rng_state(self.tensors["generator"])


def write_state(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    plan: msgspec.Struct,
    reports: Sequence[msgspec.Struct],
    more: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> None:
    """Write it, whole or not at all; `more` are further weights, each under its prefix."""
    tensors: dict[str, Tensor] = {}
    for prefix, weights in {"network": network.state_dict(), **(more or {})}.items():
        tensors |= {f"{prefix}.{name}": weight for name, weight in weights.items()}
    for name, parameter in network.named_parameters():
        kept: Mapping[str, Any] = optimizer.state[parameter]
        tensors |= {f"optimizer.{part}.{name}": value for part, value in kept.items()}
    tensors["generator"] = torch.get_rng_state()
    metadata = {"plan": _text_of(plan), "reports": msgspec.json.encode(reports).decode()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, safetensors.torch.save(tensors, metadata))


def read_state(path: Path, plan: msgspec.Struct) -> TrainingState:
    """Read what `write_state` wrote of a training with the same plan.

    Raises:
        S2sdapError: `training_missing`, `checkpoint_weights`, or `settings_clash` for another plan.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise S2sdapError("training_missing", path=path.parent, file=path.name) from None
    except SafetensorError as error:
        raise S2sdapError("checkpoint_weights", path=path, reason=str(error)) from None
    if metadata.get("plan") != _text_of(plan):
        reason = f"{path} was written by a training with other settings or data"
        raise S2sdapError("settings_clash", reason=reason)
    return TrainingState(tensors, metadata["reports"])


def _text_of(plan: msgspec.Struct) -> str:
    return json.dumps(msgspec.to_builtins(plan), sort_keys=True)
