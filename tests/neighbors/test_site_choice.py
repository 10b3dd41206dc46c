"""The sites of an index, chosen by name and layer of those that a model has."""

import pytest

from s2sdap.neighbors.site_choice import chosen_sites
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError

LAYERED = {
    StateSite("encoder.states"): 8,
    **{StateSite("encoder.layers", layer): 8 for layer in range(3)},
    StateSite("decoder.state"): 6,
    **{StateSite("decoder.layers", layer): 6 for layer in range(2)},
    StateSite("attention.context"): 8,
}


@pytest.mark.parametrize(
    ("names", "layers", "chosen"),
    [
        ([], None, "encoder.states decoder.state attention.context"),
        ([], [1], "encoder.states encoder.layers.1 decoder.state decoder.layers.1 attention.context"),
        (["decoder.layers"], None, "decoder.layers.0 decoder.layers.1"),
        (["decoder.layers", "decoder.state"], [1], "decoder.state decoder.layers.1"),
        (["encoder.layers.2"], None, "encoder.layers.2"),
        (["encoder.layers.2", "decoder.layers"], [0], "encoder.layers.2 decoder.layers.0"),
    ],
)
def test_sites_are_chosen_by_name_and_layer(names, layers, chosen):
    found = chosen_sites(LAYERED, names, layers, model="m")
    assert " ".join(map(str, found)) == chosen
    assert all(LAYERED[site] == size for site, size in found.items())


def test_a_site_or_layer_that_is_not_there_is_refused():
    for name, names, layers in (
        ("no_state_site", ["decoder.cells"], None),
        ("no_state_layer", ["decoder.layers"], [2]),
    ):
        with pytest.raises(S2sdapError) as caught:
            chosen_sites(LAYERED, names, layers, model="m")
        assert caught.value.name == name
