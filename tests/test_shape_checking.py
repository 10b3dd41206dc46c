"""A wrong shape fails a test: without that, one that passes would say less than it seems to."""

import importlib

import pytest
import torch
from jaxtyping import TypeCheckError
from shape_checking import modules_with_shapes

from s2sdap.decoding.penalties import attention_mass, coverage_term


def test_a_shape_that_does_not_fit_is_refused():
    assert len(coverage_term(torch.ones(2, 3), 0.1)) == 2
    with pytest.raises(TypeCheckError, match="K S"):
        coverage_term(torch.ones(2, 3, 4), 0.1)
    with pytest.raises(TypeCheckError, match="K L H S"):
        attention_mass(torch.ones(2, 3, 4))


def test_every_module_that_writes_shapes_is_checked():
    modules = modules_with_shapes()
    assert "s2sdap.models.rnn.network" in modules
    for name in modules:
        assert vars(importlib.import_module(name))["jaxtyping"], name
