"""How many source tokens `S` an encoder makes of a recording or an image, asked of the encoder itself."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel


def main_input(model: PreTrainedModel) -> str:
    """The argument of `generate` that holds the source. A composite model may leave it to its encoder."""
    own = str(model.main_input_name)
    return str(getattr(model.get_encoder(), "main_input_name", own)) if own == "inputs" else own


class EncoderLengths:
    """Encoder lengths of one model, by the shape of what it reads.

    Speech encoders tell the length of their output for one of input. Others are run once for each shape: an
    image processor makes all images equally large, so that is once.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._known: dict[tuple[int, ...], int] = {}

    def of(self, inputs: Mapping[str, Tensor]) -> int:
        """The length for `inputs`, which are those of a `generate` call; their batch does not matter."""
        argument = main_input(self._model)
        shape = tuple(inputs[argument].shape[1:])
        if shape not in self._known:
            self._known[shape] = self._asked(argument, inputs[argument])
        return self._known[shape]

    @torch.no_grad()
    def _asked(self, argument: str, value: Tensor) -> int:
        encoder: Any = self._model.get_encoder()
        tell = getattr(encoder, "_get_feat_extract_output_lengths", None)
        if tell is not None:
            # Features have an axis of their own: Whisper's comes before time, Speech2Text's after.
            time = frames_axis(self._model, value)
            length = torch.as_tensor(tell(torch.tensor([value.shape[time]])))
            return max(0, int(length.reshape(-1)[0]))
        blank = torch.zeros_like(value[:1])
        return int(encoder(**{argument: blank}, return_dict=True).last_hidden_state.shape[1])


def frames_axis(model: PreTrainedModel, value: Tensor) -> int:
    """Which axis of a recording's features is time."""
    if value.dim() < 3:
        return 1
    bins = getattr(model.config, "num_mel_bins", None)
    return 2 if bins == value.shape[1] else 1
