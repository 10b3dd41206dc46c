"""Whether two runs left the same behind, bit for bit, down to the model's opaque state."""

import dataclasses
from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import torch

from s2sdap.decoding.records import Hypothesis, Snapshot


def assert_same(left, right, where="record"):
    """Equal in every bit: records, snapshots, hypotheses, candidates, tensors and what they are made of."""
    if left is right:
        return
    if isinstance(left, Mapping):  # sites may be computed when somebody looks
        assert left.keys() == right.keys(), where
        for key in left:
            assert_same(left[key], right[key], f"{where}[{key}]")
        return
    if isinstance(left, Snapshot):
        assert isinstance(right, Snapshot), where
    else:
        assert type(left) is type(right), where
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype, where
        assert left.shape == right.shape, where
        assert torch.equal(left, right), where
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, where
        assert np.array_equal(left, right), where
    elif dataclasses.is_dataclass(left):
        for field in fields(left):
            if field.name == "parent" and isinstance(left, Hypothesis):  # the path, without a deep recursion
                assert left.tokens == right.tokens, where
                continue
            assert_same(getattr(left, field.name), getattr(right, field.name), f"{where}.{field.name}")
    elif isinstance(left, tuple | list):
        assert len(left) == len(right), where
        for index, pair in enumerate(zip(left, right, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    else:
        assert left == right, where


def run_again(decode, edits=()):
    """The encoder record and the step records of a fresh run of `decode` that is given `edits`."""
    encoder = decode.begin([edit for edit in edits if edit.step == -1])
    records, snapshot = [], encoder.after
    while not snapshot.ended:
        now = [edit for edit in edits if edit.step == len(records)]
        records.append(decode.step(encoder, snapshot, now))
        snapshot = records[-1].after
    return encoder, records
