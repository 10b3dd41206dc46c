"""Which sites go into an index: those that a person names, or the three that a step of most models shows."""

from collections.abc import Mapping, Sequence
from typing import Final

from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

USUAL: Final = (sites.ENCODER_STATES, sites.DECODER_STATE, sites.ATTENTION_CONTEXT)
"""What is indexed where nothing is named."""
OF_LAYERS: Final = (sites.ENCODER_LAYERS, sites.DECODER_LAYERS)
"""What is indexed beside them where layers are named, but no sites."""


def chosen_sites(
    available: Mapping[StateSite, int],
    names: Sequence[str] = (),
    layers: Sequence[int] | None = None,
    *,
    model: str,
) -> dict[StateSite, int]:
    """The sites to index and the dimension of each, in the order of `available`.

    A name is that of a site, `decoder.state`, of one layer, `encoder.layers.0`, or of a site with layers,
    `encoder.layers`: then all of its `layers` are meant, by default all that it has.

    Args:
        available: what the model has, with the dimension of each.
        names: what is wanted; by default `USUAL`, and the `layers` of `OF_LAYERS` where those are named.
        layers: which layers of the sites that are named without one.
        model: what a refusal calls the model.

    Raises:
        S2sdapError: `no_state_site`, `no_state_layer`.
    """
    wanted = set()
    for name in names:
        found = [site for site in available if name in (str(site), site.site)]
        if not found:
            known = ", ".join(map(str, available))
            raise S2sdapError("no_state_site", model=model, site=name, known=known)
        wanted.update(_layers(found, layers) if name == found[0].site else found)
    if not names:
        wanted.update(site for site in available if site.site in USUAL)
        if layers is not None:
            for each in OF_LAYERS:
                wanted.update(_layers([site for site in available if site.site == each], layers))
    return {site: size for site, size in available.items() if site in wanted}


def _layers(found: Sequence[StateSite], layers: Sequence[int] | None) -> list[StateSite]:
    """Those of one site's layers that are wanted; a site without layers is wanted as it is."""
    if layers is None or not found or found[0].layer is None:
        return list(found)
    known = [site.layer for site in found]
    for layer in layers:
        if layer not in known:
            raise S2sdapError("no_state_layer", site=found[0].site, layer=layer, count=len(known))
    return [site for site in found if site.layer in layers]
