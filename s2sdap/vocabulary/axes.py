"""Axis letters and units. A shape in a docstring or in a message is written in these letters."""

from typing import Final

AXES: Final[dict[str, str]] = {
    "B": "sentences in a batch",
    "K": "hypotheses, the rows of one step's batch",
    "S": "source tokens",
    "T": "target steps",
    "L": "layers",
    "H": "heads",
    "D": "features",
    "V": "vocabulary",
    "C": "candidates",
}

UNITS: Final[dict[str, str]] = {
    "log-probability": "nats (natural logarithm)",
    "probability": "0..1, never rescaled",
    "position": "0-based in code; columns on the protocol count UTF-16 units",
    "time": "seconds",
}
