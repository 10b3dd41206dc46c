"""The states of a corpus: vectors of one site, each with the sentence, position and token it belongs to."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float16, Int32, Int64
from numpy.typing import NDArray

from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

INDEXABLE: Final = (
    sites.ENCODER_STATES,
    sites.ENCODER_LAYERS,
    sites.DECODER_STATE,
    sites.DECODER_LAYERS,
    sites.DECODER_CELLS,
    sites.ATTENTION_CONTEXT,
    sites.ATTENTION_CONTEXTS,
    sites.PREDICTION_FEATURES,
)
"""The sites that hold one vector a source token or a target token, of which neighbours can be asked."""

_WRITTEN: Final = re.compile(r"([a-z]+\.[a-z]+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class StateSite:
    """What an index holds the vectors of: a site, and which layer of a site that has layers.

    Written `decoder.state`, `encoder.layers.0`. Of `attention.contexts` [L, H, D] a layer's heads are
    put one after the other, so that its vector has H * D numbers.
    """

    site: str
    layer: int | None = None

    def __str__(self) -> str:
        return self.site if self.layer is None else f"{self.site}.{self.layer}"

    @property
    def of_source(self) -> bool:
        """Whether there is a vector a source token; else there is one a target token."""
        return SITES[self.site].stage is Stage.ENCODER

    @classmethod
    def parse(cls, text: str) -> "StateSite":
        """The site that is written as `str` writes it. Raises `index_site`."""
        match = _WRITTEN.fullmatch(text)
        site = match[1] if match is not None else ""
        layered = site in INDEXABLE and "L" in SITES[site].axes.split()
        if match is None or site not in INDEXABLE or layered != (match[2] is not None):
            known = ", ".join(f"{each}.0" if "L" in SITES[each].axes.split() else each for each in INDEXABLE)
            raise S2sdapError("index_site", site=text, known=known)
        return cls(site, int(match[2]) if layered else None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence of a corpus: its number in the index, its source, and its target where one is given."""

    sentence: int
    source: str
    target: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """N vectors of one `StateSite`. Row i of every array belongs together; no padding is among them.

    `sentence` is a `Pair.sentence`. `position` is a source position, or a target step. `token` is the
    source token there, or the target token that the corpus has at that step, which the state is to
    predict. `predicted` is the token that the model itself finds likeliest there, -1 for sites of the
    source.
    """

    vectors: Float16[np.ndarray, "N D"]
    sentence: Int64[np.ndarray, "N"]
    position: Int32[np.ndarray, "N"]
    token: Int64[np.ndarray, "N"]
    predicted: Int64[np.ndarray, "N"]

    def __len__(self) -> int:
        return len(self.sentence)

    @property
    def right(self) -> Bool[np.ndarray, "N"]:
        """Whether the model would have predicted the corpus's token."""
        same: NDArray[np.bool_] = self.predicted == self.token
        return same
