"""The highest score of a row and the one next to it are what PyTorch's own `argmax` and `topk` find."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2sdap.decoding.likeliest import LARGE, likeliest, runner_up


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1, 7, LARGE - 1, LARGE, 3 * LARGE + 5])
@given(data=st.data())
def test_first_and_second_are_those_of_torch(size, dtype, data):
    """Of equal scores it is the first, and of a row with a NaN the NaN."""
    values = st.sampled_from([0.0, -0.0, 1.0, -1.0, -torch.inf, torch.inf, torch.nan])
    some = data.draw(st.lists(values, min_size=1, max_size=12))
    seed = data.draw(st.integers(0, 9))
    scores = torch.randn(3, 4, size, generator=torch.Generator().manual_seed(seed)).to(dtype)
    at = torch.randint(scores.numel(), (len(some),), generator=torch.Generator().manual_seed(seed))
    scores.view(-1)[at] = torch.tensor(some, dtype=dtype)
    tokens = likeliest(scores)
    assert torch.equal(tokens, scores.argmax(dim=-1))
    if size > 1:
        plain = ~scores.isnan().any(dim=-1)
        second = scores.topk(2, dim=-1).values[..., 1]
        assert torch.equal(runner_up(scores, tokens)[plain], second[plain])


def test_scores_that_are_learnt_from_and_those_that_lie_apart_are_read():
    scores = torch.randn(2 * LARGE, 6, requires_grad=True).t()
    assert torch.equal(likeliest(scores), scores.argmax(dim=-1))
    assert likeliest(scores[0]) == scores[0].argmax()
    with torch.inference_mode():
        assert torch.equal(likeliest(scores * 2), scores.argmax(dim=-1))


def test_what_has_no_other_token_has_no_runner_up():
    assert runner_up(torch.zeros(2, 1), torch.zeros(2, dtype=torch.long)).tolist() == [-torch.inf] * 2
