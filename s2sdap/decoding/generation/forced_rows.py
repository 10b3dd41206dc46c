"""The rows of one forced pass of a Hugging Face model, taken while it runs: no padded value is kept.

B sentences, W positions that the decoder reads, N rows.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from s2sdap.decoding.forced.rows import Rows, Wanted, of_source, rows_at, standing


class RowsOfPass:
    """Sees the encoder as its probe, and the decoder by `show`; keeps the wanted rows, in half precision."""

    def __init__(self, wanted: Collection[Wanted], sources: Sequence[int], device: torch.device) -> None:
        """`sources` are the lengths of the sources."""
        self._of_source = frozenset(each for each in wanted if of_source(each[0]))
        self._order = tuple(wanted)
        self._sources = sources
        self._device = device
        self._vectors: dict[Wanted, Tensor] = {}
        self._places = torch.zeros(0, dtype=torch.long)
        self._width = 0

    def may_change(self, _site: str) -> bool:
        """Nothing is changed, so that the model may show things together."""
        return False

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Keep the rows of a site of the encoder [B, S, D]; the run goes on with `value`."""
        self._keep_source((site, None), value)
        return value

    def part(self, site: str, layer: int, value: Tensor, /) -> Tensor:
        """Keep the rows of one layer of the encoder; the run goes on with `value`."""
        self._keep_source((site, layer), value)
        return value

    def expect(self, begun: Sequence[int], targets: Sequence[int]) -> int:
        """Say where the decoder predicts: after the `begun` tokens of each sentence, `targets` times.

        Returns how many of the last positions hold all of that.
        """
        first = torch.tensor(begun)[:, None] - 1
        counts = torch.tensor(targets)[:, None]
        self._width = int((first + counts).max())
        positions = torch.arange(self._width)
        predicts = (positions >= first) & (positions < first + counts)
        self._places = predicts.nonzero()  # [N, 2]: which sentence, which position
        return self._width - int(first.min())

    def show(self, site: str, layer: int | None, value: Tensor) -> None:
        """Keep the rows of a site of the decoder `[B, W, ...]`, or of the last positions of one."""
        self._vectors[site, layer] = rows_at(self._at(value.shape[1]), value)

    def all(self, predicted: Int[Tensor, "B W"]) -> Rows:
        """Everything that was kept, with what was `predicted` at all positions, or at the last ones."""
        told = predicted.flatten().index_select(0, self._at(predicted.shape[1]))
        return Rows({key: self._vectors[key].cpu() for key in self._order}, told.cpu())

    def _at(self, width: int) -> Int[Tensor, "N"]:
        """Where the rows are in a flat form of the last `width` positions."""
        sentence, position = self._places.unbind(1)
        return (sentence * width + position - (self._width - width)).to(self._device)

    def _keep_source(self, key: Wanted, value: Tensor) -> None:
        if key in self._of_source:
            places = standing(self._sources, value.shape[1], self._device)
            self._vectors[key] = rows_at(places, value)
