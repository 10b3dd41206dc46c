"""Look elsewhere: point all cross-attention heads of a Marian model at one source column, in plain torch.

With all of a head's weight on column j, what it passes on is the value of column j and nothing else.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import MarianMTModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Pointed:
    """One step of `text` with the attention on `column`: the probability of that column's letter."""

    text: str
    step: int
    column: int
    probability: float
    obeyed: bool


@contextmanager
def pointed(model: MarianMTModel, columns: Sequence[int]) -> Iterator[None]:
    """Within the block, the last position of row k looks only at source column `columns[k]`."""

    def look_elsewhere(attention: nn.Module, _: Any, inputs: dict[str, Any], output: Any) -> Any:
        states: Tensor = inputs["key_value_states"]  # [K, S, D]
        value = attention.v_proj(states[torch.arange(len(columns)), list(columns)])  # all heads, side by side
        changed = output[0].clone()
        changed[:, -1] = attention.out_proj(value)
        return (changed, *output[1:])

    with ExitStack() as hooks:
        for layer in model.model.decoder.layers:
            hooks.enter_context(layer.encoder_attn.register_forward_hook(look_elsewhere, with_kwargs=True))
        yield


@torch.no_grad()
def point_everywhere(
    model: MarianMTModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]
) -> list[Pointed]:
    """Every step at which a letter of a text is written, pointed at every letter of that text."""
    model.eval()
    seen: list[Pointed] = []
    for text in texts:
        size = len(text)
        source = tokenizer(text, return_tensors="pt").input_ids
        written = torch.cat((source.new_tensor([tokenizer.pad_token_id]), source[0, :size].flip(0)))
        for step in range(size):
            with pointed(model, range(size)):
                output = model(
                    input_ids=source.expand(size, -1),
                    decoder_input_ids=written[: step + 1].expand(size, -1),
                    use_cache=False,
                )
            p = output.logits[:, -1].softmax(dim=-1)
            goal = source[0, :size]
            probability = p[torch.arange(size), goal].tolist()
            obeyed = (p.argmax(dim=-1) == goal).tolist()
            seen += [Pointed(text, step, j, probability[j], obeyed[j]) for j in range(size)]
    return seen
