"""Checkpoints: a folder with `config.json` and `model.safetensors`. Nothing in it can run.

The configuration names the format, the family, the network's parts and both vocabularies; the
weights are plain tensors, stored as fp32 or fp16 and always used as fp32. Reading trusts nothing: a
size in `config.json` is compared with the tensors that are there before anything is allocated.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.network import RnnNetwork
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.models.rnn.repeating.network import RepeatingNetwork
from s2sdap.models.tokenizers import SideConfig
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

FORMAT: Final = "s2sdap"
VERSION: Final = 1
CONFIG_FILE: Final = "config.json"
WEIGHTS_FILE: Final = "model.safetensors"

_STORED: Final = {"float32": torch.float32, "float16": torch.float16}
_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<field>.*)`)?$", re.DOTALL)


class CheckpointConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is made of: its family, its network, and how each side is tokenised."""

    family: Literal["rnn"]
    network: RnnConfig
    source: SideConfig
    target: SideConfig

    def __post_init__(self) -> None:
        if self.target.end:
            raise ValueError("target.end: the decode ends a target, leave it false")
        if not self.target.bounded:
            raise ValueError("target.bounded: a decode begins with <s> and ends with </s>, leave it true")
        if self.network.copying != "none" and self.source.unit != self.target.unit:
            raise ValueError("network.copying: what is copied must be of the same unit in source and target")


class RepeatingCheckpointConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model that repeats one vector is made of; its characters are in `network`."""

    family: Literal["rnn-repeating"]
    network: RepeatingConfig


AnyConfig = CheckpointConfig | RepeatingCheckpointConfig


class _ConfigFile(CheckpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `config.json` holds. `weights` is the SHA-256 of the weights file that belongs to it."""

    format: Literal["s2sdap"]
    version: Literal[1]
    weights: str


class _RepeatingConfigFile(RepeatingCheckpointConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same of a model that repeats one vector."""

    format: Literal["s2sdap"]
    version: Literal[1]
    weights: str


class _Header(msgspec.Struct, frozen=True):
    """The fields that say whether the rest can be understood, and as what."""

    format: str
    version: int
    family: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A checkpoint in memory: fp32 weights on the CPU that fit `config`, and what identifies both."""

    config: AnyConfig
    weights: Mapping[str, Tensor]
    fingerprint: str


def weight_shapes(config: AnyConfig) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight that `config` asks for, without allocating any."""
    with torch.device("meta"):
        network: nn.Module
        if isinstance(config, RepeatingCheckpointConfig):
            network = RepeatingNetwork(config.network)
        else:
            network = RnnNetwork(config.network, len(config.source.pieces), len(config.target.pieces))
    return {name: tuple(weight.shape) for name, weight in network.state_dict().items()}


def save_checkpoint(
    path: str | os.PathLike[str],
    config: AnyConfig,
    weights: Mapping[str, Tensor],
    *,
    stored: Literal["float32", "float16"] = "float32",
) -> None:
    """Write `config` and `weights` to the folder `path`.

    Each file appears whole or not at all, and `config.json` names the weights that it goes with, so
    a folder of which only one file was replaced is refused when it is read.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: weight.detach().cpu().to(_STORED[stored]).contiguous() for name, weight in weights.items()
    }
    _check_weights(folder, config, tensors)
    data = safetensors.torch.save(tensors)
    head = {"format": FORMAT, "version": VERSION, "weights": hashlib.sha256(data).hexdigest()}
    text = json.dumps(head | msgspec.to_builtins(config), ensure_ascii=False, indent=1)
    write_whole(folder / WEIGHTS_FILE, data)
    write_whole(folder / CONFIG_FILE, f"{text}\n".encode())


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read the checkpoint in the folder `path`, or refuse it with the error that says why."""
    folder = Path(path)
    config_data = _read(folder, CONFIG_FILE)
    config, digest = _config(folder / CONFIG_FILE, config_data)
    weights_data = _read(folder, WEIGHTS_FILE)
    try:
        weights = safetensors.torch.load(weights_data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise S2sdapError("checkpoint_weights", path=folder / WEIGHTS_FILE, reason=str(error)) from None
    _check_weights(folder, config, weights)
    if digest != hashlib.sha256(weights_data).hexdigest():
        reason = f"its SHA-256 is not the one that `weights` in {CONFIG_FILE} names"
        raise S2sdapError("checkpoint_weights", path=folder / WEIGHTS_FILE, reason=reason)
    fingerprint = hashlib.sha256(config_data + weights_data).hexdigest()[:16]
    return Checkpoint(config, {name: weight.float() for name, weight in weights.items()}, fingerprint)


def _read(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        raise S2sdapError("checkpoint_missing", path=folder, file=f"{file} ({error.strerror})") from None


def _config(path: Path, data: bytes) -> tuple[AnyConfig, str]:
    """What `config.json` says, and the SHA-256 of the weights that it goes with."""

    def malformed(field: str, reason: str) -> S2sdapError:
        return S2sdapError("checkpoint_malformed", path=path, field=field, reason=reason)

    def decoded(kind: Any) -> Any:
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.ValidationError as error:
            found = _PLACE.match(str(error))
            field = found["field"] if found and found["field"] else "$"
            raise malformed(field, found["reason"] if found else str(error)) from None
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise malformed("$", str(error)) from None

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("$", f"it is not UTF-8 at byte {error.start}") from None
    header: _Header = decoded(_Header)
    if header.format != FORMAT:
        raise malformed("$.format", f"expected {FORMAT!r}, got {header.format!r}")
    if header.version != VERSION:
        raise S2sdapError("checkpoint_version", path=path, found=header.version, supported=VERSION)
    if header.family == "rnn-repeating":
        repeating: _RepeatingConfigFile = decoded(_RepeatingConfigFile)
        return RepeatingCheckpointConfig(
            family=repeating.family, network=repeating.network
        ), repeating.weights
    file: _ConfigFile = decoded(_ConfigFile)
    config = CheckpointConfig(
        family=file.family, network=file.network, source=file.source, target=file.target
    )
    return config, file.weights


def _check_weights(folder: Path, config: AnyConfig, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not, tensor for tensor, the finite ones that `config` asks for."""
    expected = weight_shapes(config)
    reason = None
    if missing := sorted(expected.keys() - weights.keys()):
        reason = f"it lacks {', '.join(missing)}"
    elif extra := sorted(weights.keys() - expected.keys()):
        reason = f"it has {', '.join(extra)}, which {CONFIG_FILE} does not ask for"
    else:
        for name, shape in expected.items():
            weight = weights[name]
            if tuple(weight.shape) != shape:
                reason = f"{name} has the shape {list(weight.shape)}, {CONFIG_FILE} asks for {list(shape)}"
            elif weight.dtype not in _STORED.values():
                reason = (
                    f"{name} is {str(weight.dtype).removeprefix('torch.')}, not one of {', '.join(_STORED)}"
                )
            elif not bool(torch.isfinite(weight).all()):
                reason = f"{name} has a value that is not finite"
            if reason:
                break
    if reason:
        raise S2sdapError("checkpoint_weights", path=folder / WEIGHTS_FILE, reason=reason)
