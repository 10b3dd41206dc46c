"""Wide random weights: a tiny model whose output depends visibly on everything that goes into it."""

import math
import re
from typing import Final, TypeVar

import torch
from torch import nn
from transformers import GenerationConfig, PreTrainedModel

__all__ = ["PAD", "START", "STOP", "finished"]

PAD: Final = 0
STOP: Final = 1
START: Final = 2

M = TypeVar("M", bound=PreTrainedModel)

# A matrix gets normal weights of standard deviation `strength / sqrt(fan in)`. Attention is sharp but its
# output is quiet and positions are loud: else one vector drowns the token just read, and a token repeats.
SHARP: Final = 2.0
QUIET: Final = 1.0
WIDE: Final = 3.0
POSITIONS: Final = 5.0
TOKENS: Final = 1.6
QUERY_OR_KEY: Final = re.compile(r"(q_proj|k_proj|query|key|\.q|\.k|c_attn|query_key_value)$")


def finished(model: M, **generation: object) -> M:
    """The model with wide weights, in eval mode, with a generation config that says where it starts and ends.

    Args:
        model: a model fresh from its config; its weights are drawn again from torch's global generator.
        generation: settings of the generation config besides the token ids and `max_new_tokens=12`.
    """
    with torch.no_grad():
        for path, module in model.named_modules():
            for parameter in module.parameters(recurse=False):
                if parameter.requires_grad:
                    _draw(path, module, parameter)
            if "final_logits_bias" in dict(module.named_buffers(recurse=False)):
                module.final_logits_bias.normal_(0, 0.3)
    model.tie_weights()
    settings: dict[str, object] = {
        "pad_token_id": PAD,
        "eos_token_id": STOP,
        "bos_token_id": START,
        "max_new_tokens": 12,
        "num_beams": 1,
        "do_sample": False,
    }
    if model.config.is_encoder_decoder:
        settings["decoder_start_token_id"] = START
    model.generation_config = GenerationConfig(**(settings | generation))
    return model.eval()


def _draw(path: str, module: nn.Module, parameter: nn.Parameter) -> None:
    if parameter.dim() < 2:
        # Norms stay near 1, biases and attention sinks near 0; a norm after a branch makes the branch count.
        parameter.add_(torch.randn_like(parameter), alpha=0.1)
        if "post_" in path and path.endswith("norm"):
            parameter.add_(3.0)
        return
    convolution = isinstance(module, nn.Conv1d | nn.Conv2d)
    fan_in = parameter[0].numel() if convolution else parameter.shape[-1]
    parameter.normal_(0, _strength(path, module) / math.sqrt(fan_in))


def _strength(path: str, module: nn.Module) -> float:
    if isinstance(module, nn.Embedding):
        return POSITIONS if "pos" in path else TOKENS
    if "att" in path.lower():
        return SHARP if QUERY_OR_KEY.search(path) else QUIET
    return WIDE
