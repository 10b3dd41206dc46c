"""What tells a model from another: a hash of its configuration and of a sample of its weights.

Reading gigabytes of weights would take longer than loading them. So each tensor counts by its name, type
and shape, and by 256 of its values spread evenly from the first to the last: training, fine-tuning,
merging or quantising changes all of these; a single changed weight may go unseen.
"""

import hashlib
import json
from typing import Any, Final

import torch
from torch import Tensor
from transformers import PreTrainedModel

SAMPLE: Final = 256
_ELSEWHERE: Final = frozenset(
    {"_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"}
)
"""Where a configuration came from and who wrote it, and what the tensors say themselves."""


def fingerprint_of(model: PreTrainedModel) -> str:
    """16 hexadecimal digits: the same weights and configuration, the same digits, on any device."""
    digest = hashlib.sha256()
    digest.update(json.dumps(_kept(model.config.to_dict()), sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_sample(tensor))
    return digest.hexdigest()[:16]


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {str(key): each for key, each in value.items() if key not in _ELSEWHERE}
        return {key: _kept(each) for key, each in kept.items() if not key.startswith("_attn_implementation")}
    if isinstance(value, (list, tuple)):
        return [_kept(each) for each in value]
    return value


def _sample(tensor: Tensor) -> bytes:
    if tensor.is_meta or tensor.numel() == 0:  # weights that are on a disk have no values here
        return b""
    count = min(SAMPLE, tensor.numel())
    last = tensor.numel() - 1
    places = torch.tensor([last * each // max(count - 1, 1) for each in range(count)], device=tensor.device)
    return torch.take(tensor.detach(), places).cpu().contiguous().view(torch.uint8).numpy().tobytes()
