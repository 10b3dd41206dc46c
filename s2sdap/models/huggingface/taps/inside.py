"""Attention that computes its softmax by itself: its forward runs where each of its torch calls is seen.

The softmax of the call is the weights, the first product after it the contexts. An attention that calls
torch's `scaled_dot_product_attention` is seen there instead.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["Inside"]

SOFTMAX: Final = frozenset({nn.functional.softmax, torch.softmax, Tensor.softmax})
PRODUCT: Final = frozenset(
    {torch.bmm, torch.matmul, torch.einsum, Tensor.bmm, Tensor.matmul, Tensor.__matmul__}
)
WHOLE: Final = nn.functional.scaled_dot_product_attention

Look = Callable[[Tensor], Tensor]
LookWhole = Callable[[Tensor, Sequence[Any], Mapping[str, Any]], Tensor]


class Inside(TorchFunctionMode):
    """Sees the weights and the contexts of one attention call, and puts others in their place.

    Args:
        weights: gets the softmax's result, returns the one to go on with.
        contexts: the same for the product of weights and values.
        whole: the same for torch's own attention, with the arguments of its call.
    """

    def __init__(self, weights: Look, contexts: Look, whole: LookWhole) -> None:
        super().__init__()
        self.awaited = SOFTMAX
        self.weights, self.contexts, self.whole = weights, contexts, whole

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is WHOLE and self.awaited is SOFTMAX:
            self.awaited = frozenset()
            return self.whole(result, args, kwargs or {})
        if func not in self.awaited:
            return result
        if self.awaited is SOFTMAX:
            self.awaited = PRODUCT
            return self.weights(result)
        self.awaited = frozenset()
        return self.contexts(result)
