"""Tiny models with wide random weights and their decodes: what the tests of this folder share."""

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from transformers import GenerationMixin

from parity.comparing import ALL
from parity.families import FAMILIES, inputs_of, load, saved
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.huggingface.loading import quiet

torch.set_num_threads(1)  # sums keep their order

FOLDER = Path(tempfile.mkdtemp(prefix="s2sdap-generation-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

EOS = 1
PAD = 0


@cache
def model_of(name):
    """The tiny model of a family, saved and loaded once a process."""
    with quiet():
        return load(saved(FAMILIES[name], FOLDER))


@cache
def face_of(name):
    return HuggingFaceModel.around(model_of(name), name=name)


def inputs(name, batch=1, seed=3):
    return inputs_of(FAMILIES[name], model_of(name), batch=batch, seed=seed)


def plan_of(name, batch=1, **settings):
    """The plan of a call of `generate` by its keyword arguments."""
    return GeneratePlan.of_call(face_of(name), (), {**inputs(name, batch), **settings})


def plain(name, batch=1, seed=7, **settings):
    """What plain `generate` returns, with scores."""
    torch.manual_seed(seed)
    return GenerationMixin.generate(model_of(name), **{**inputs(name, batch), **ALL, **settings})


class Run:
    """A decode from its beginning to its end: the encoder record, the step records, and the plan."""

    def __init__(self, plan, edits=(), begin=(), encoder=None, records=()):
        self.plan = plan
        with plan.installed():
            self.encoder = plan.begin(begin) if encoder is None else encoder
            self.records = list(records)
            while not self.tip.ended:
                now = [edit for edit in edits if edit.step == len(self.records)]
                self.records.append(plan.step(self.encoder, self.tip, now))

    @property
    def tip(self):
        return self.records[-1].after if self.records else self.encoder.after

    @property
    def best(self):
        return self.plan.best(self.tip)

    @property
    def tokens(self):
        return [each.tokens for each in self.best]

    @property
    def returned(self):
        return self.plan.returned(self.encoder, self.tip)

    def edited(self, *edits):
        """The run again from the step of the first edit, with the edits in it."""
        first = min(edit.step for edit in edits)
        return Run(self.plan, edits, encoder=self.encoder, records=self.records[:first])


def run(name, batch=1, seed=7, edits=(), begin=(), **settings):
    torch.manual_seed(seed)
    return Run(plan_of(name, batch, **settings), edits, begin)


def written(row, prompt):
    """The tokens of a returned row: without the prompt, and without what fills it up after the end."""
    tokens = row[prompt:].tolist()
    return tuple(tokens[: tokens.index(EOS) + 1]) if EOS in tokens else tuple(tokens)


@contextmanager
def training(model):
    """Dropout is in force."""
    model.train()
    try:
        yield
    finally:
        model.eval()
