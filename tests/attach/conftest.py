"""What the tests of attaching share: a process that listens, and a tiny model to attach to."""

import pytest
import torch
from attaching import listens

from parity.families import FAMILIES, inputs_of


@pytest.fixture
def here():
    """This process listens; gives where."""
    with listens() as addresses:
        yield addresses


@pytest.fixture(scope="session")
def bart():
    """A tiny model of random weights, and a batch of two sources for it."""
    family = FAMILIES["bart"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(105)
        model = family.build()
    return model, inputs_of(family, model, batch=2)
