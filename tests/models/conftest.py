"""One thread, so that sums keep their order, and a checkpoint folder of a tiny network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from small_networks import model_of, small_config


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> Path:
    model_of(small_config(), tmp_path / "small")
    return tmp_path / "small"
