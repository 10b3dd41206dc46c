"""State sites as they are written."""

import pytest

from s2sdap.neighbors.states import INDEXABLE, StateSite
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES


@pytest.mark.parametrize("site", INDEXABLE)
def test_a_site_is_read_as_it_is_written(site):
    layer = 3 if "L" in SITES[site].axes.split() else None
    written = StateSite(site, layer)
    assert StateSite.parse(str(written)) == written
    assert written.of_source == site.startswith("encoder.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "decoder.state.0",
        "encoder.layers",
        "encoder.layers.x",
        "prediction.logits",
        "Encoder.states",
        "state",
    ],
)
def test_what_is_no_site_is_refused_with_those_that_are(text):
    with pytest.raises(S2sdapError, match=r"S2S4501.*encoder\.layers\.0"):
        StateSite.parse(text)
