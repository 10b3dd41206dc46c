"""Taps: what sees and edits the sites of a Hugging Face model during a forward pass.

`Taps(model)` looks the model over; `installed()` puts hooks in place and takes them out without a trace;
`watching(probe)` hands the values of one forward pass to the probe and goes on with what it returns.
"""

from s2sdap.models.huggingface.taps.probing import TAPPED_SITES, SiteProbe
from s2sdap.models.huggingface.taps.taps import Taps

__all__ = ["TAPPED_SITES", "SiteProbe", "Taps"]
