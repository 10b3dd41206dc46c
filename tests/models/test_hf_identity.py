"""What a model of transformers is known by: its fingerprint, and its name."""

import json
import shutil
import time
from pathlib import Path

import torch
import transformers
from hf_tiny import folder_of, loaded

from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.loading import load_model


def copied(folder, name):
    """A copy of a tiny model's folder, to be changed."""
    return Path(shutil.copytree(folder_of(name), folder / name))


def test_the_fingerprint_is_of_weights_and_configuration(tmp_path):
    model = loaded("marian")
    again = load_model(f"hf:{copied(tmp_path, 'marian')}")
    assert again.fingerprint == model.fingerprint
    assert HuggingFaceModel.around(again.model).fingerprint == model.fingerprint
    assert load_model(f"hf:{folder_of('marian')}", dtype="bfloat16").fingerprint != model.fingerprint
    with torch.no_grad():
        again.model.model.encoder.layers[0].fc1.bias[0] += 1
    assert HuggingFaceModel.around(again.model).fingerprint != model.fingerprint
    other = copied(tmp_path, "gpt2")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "activation_function": "relu"}))
    assert load_model(f"hf:{other}").fingerprint != loaded("gpt2").fingerprint


def test_the_fingerprint_of_a_large_model_is_quick():
    config = transformers.GPT2Config(vocab_size=50_000, n_embd=512, n_layer=4, n_head=8)
    model = HuggingFaceModel.around(transformers.GPT2LMHeadModel(config))
    began = time.process_time()
    assert len(model.fingerprint) == 16
    assert time.process_time() - began < 1


def test_a_loaded_model_is_named_by_its_folder_or_class():
    assert HuggingFaceModel.around(loaded("marian").model).name == "marian"
    fresh = transformers.GPT2LMHeadModel(
        loaded("gpt2").model.config.__class__(n_embd=8, n_layer=1, n_head=2, vocab_size=9)
    )
    assert HuggingFaceModel.around(fresh).name == "GPT2LMHeadModel"
    assert HuggingFaceModel.around(fresh, name="mine").name == "mine"
