"""A recording at another sampling rate: one windowed sinc filter a phase, so nothing drifts.

The rates are reduced to a fraction up/down. Output sample n stands at time n * down / up of the input, and
is the sum of the input samples around that time under a Hann-windowed sinc that cuts off below the lower
of the two half rates.
"""

import math
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

ZEROS: Final = 16
"""How many zero crossings of the sinc are kept on each side."""
ROLLOFF: Final = 0.97
"""The cut-off, as a part of the lower half rate."""


def resample(wave: Float[Tensor, "N"], rate: int, wanted: int) -> Float[Tensor, "M"]:
    """`wave` of `rate` samples a second at `wanted` samples a second; M = ceil(N * wanted / rate)."""
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    if up == down or not len(wave):
        return wave
    kernels, reach = _kernels(up, down)
    padded = torch.nn.functional.pad(wave[None, None], (reach, reach + down))
    phases = torch.nn.functional.conv1d(padded, kernels[:, None].to(wave.dtype), stride=down)
    length = -(-len(wave) * up // down)
    return phases[0].T.reshape(-1)[:length].contiguous()


def _kernels(up: int, down: int) -> tuple[Float[Tensor, "up taps"], int]:
    """A filter for each of the `up` phases, and how far it reaches to the left."""
    cutoff = min(1.0, up / down) * ROLLOFF
    reach = math.ceil(ZEROS / cutoff)
    taps = torch.arange(-reach, reach + down, dtype=torch.float64)
    offsets = torch.arange(up, dtype=torch.float64)[:, None] * down / up
    time = (taps - offsets) * cutoff
    window = torch.cos(time.clamp(-ZEROS, ZEROS) * (math.pi / 2 / ZEROS)).square()
    kernels = torch.sinc(time) * window
    return kernels / kernels.sum(dim=1, keepdim=True), reach
