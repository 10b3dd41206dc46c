"""Folding the attention of layers and heads into one map."""

import pytest
import torch

from s2sdap.debugger.attention_maps import Fold, folded
from s2sdap.vocabulary.errors import S2sdapError

WEIGHTS = torch.softmax(torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(3)), dim=-1)


def test_the_mean_and_one_map():
    assert torch.equal(folded(WEIGHTS, Fold.MEAN, 2, 1), WEIGHTS[2, 1])
    for fold in Fold:
        assert torch.equal(folded(WEIGHTS, fold, 0, 1), WEIGHTS[0, 1])
    assert torch.allclose(folded(WEIGHTS, Fold.MEAN, None, None), WEIGHTS.mean((0, 1)))


def test_the_largest_is_over_what_is_not_named():
    assert torch.equal(folded(WEIGHTS, Fold.MAX, None, None), WEIGHTS.amax((0, 1)))
    assert torch.equal(folded(WEIGHTS, Fold.MAX, 1, None), WEIGHTS[1].amax(0))
    assert torch.equal(folded(WEIGHTS, Fold.MAX, None, 1), WEIGHTS[:, 1].amax(0))


def test_rolled_up_every_layer_passes_half_on():
    quarter, quarter_too, half = WEIGHTS.mean(1)
    by_hand = quarter / 4 + quarter_too / 4 + half / 2
    assert torch.allclose(folded(WEIGHTS, Fold.ROLLUP, None, None), by_hand / by_hand.sum())
    of_a_head = WEIGHTS[0, 1] / 4 + WEIGHTS[1, 1] / 4 + WEIGHTS[2, 1] / 2
    assert torch.allclose(folded(WEIGHTS, Fold.ROLLUP, None, 1), of_a_head / of_a_head.sum())
    assert torch.equal(folded(WEIGHTS, Fold.ROLLUP, 1, None), WEIGHTS[1].mean(0))


def test_a_row_of_zeros_stays_one():
    assert torch.equal(folded(torch.zeros(2, 2, 4), Fold.ROLLUP, None, None), torch.zeros(4))


@pytest.mark.parametrize(("layer", "head"), [(3, None), (None, 2), (-1, 0)])
@pytest.mark.parametrize("fold", list(Fold))
def test_what_there_is_none_of_is_refused(fold, layer, head):
    with pytest.raises(S2sdapError, match="there are"):
        folded(WEIGHTS, fold, layer, head)
