"""A checkpoint comes back as it was written, and every way to spoil one has its own refusal."""

import hashlib
import json
import math
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_networks import small_config

from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint, weight_shapes
from s2sdap.models.rnn.model import RnnModel
from s2sdap.vocabulary.errors import S2sdapError


def refusal(folder: Path) -> S2sdapError:
    with pytest.raises(S2sdapError) as caught:
        load_checkpoint(folder)
    return caught.value


def put_weights(folder: Path, data: bytes) -> None:
    """Replace the weights, and the hash that names them, so that only what is in them can be wrong."""
    (folder / "model.safetensors").write_bytes(data)
    config = json.loads((folder / "config.json").read_text())
    config["weights"] = hashlib.sha256(data).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def test_a_checkpoint_comes_back_as_written(checkpoint_folder, tmp_path):
    first = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "again", first.config, first.weights)
    again = load_checkpoint(tmp_path / "again")
    assert again.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 16
    assert again.weights.keys() == first.weights.keys() == weight_shapes(first.config).keys()
    assert all(torch.equal(again.weights[name], weight) for name, weight in first.weights.items())
    assert again.config == first.config


def test_half_precision_is_stored_and_single_is_used(checkpoint_folder, tmp_path):
    first = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "half", first.config, first.weights, stored="float16")
    half = load_checkpoint(tmp_path / "half")
    stored = safetensors.torch.load_file(tmp_path / "half" / "model.safetensors")
    for name, weight in first.weights.items():
        assert stored[name].dtype is torch.float16
        assert torch.equal(half.weights[name], weight.half().float())
    assert half.fingerprint != first.fingerprint


def test_the_fingerprint_tells_weights_apart(checkpoint_folder, tmp_path):
    first = load_checkpoint(checkpoint_folder)
    other = {name: weight.clone() for name, weight in first.weights.items()}
    other["output.bias"][0] += 1e-3
    save_checkpoint(tmp_path / "other", first.config, other)
    assert load_checkpoint(tmp_path / "other").fingerprint != first.fingerprint


def test_loading_leaves_the_random_state_alone(checkpoint_folder):
    before = torch.get_rng_state()
    RnnModel(load_checkpoint(checkpoint_folder), "small")
    assert torch.equal(torch.get_rng_state(), before)


def test_no_temporary_file_is_left(checkpoint_folder):
    assert sorted(path.name for path in checkpoint_folder.iterdir()) == ["config.json", "model.safetensors"]


def test_a_write_that_fails_leaves_the_old_checkpoint(checkpoint_folder):
    """The system refuses files of more than a thousand bytes while the new weights are written."""
    resource = pytest.importorskip("resource")
    first = load_checkpoint(checkpoint_folder)
    other = {name: weight + 1 for name, weight in first.weights.items()}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_checkpoint(checkpoint_folder, first.config, other)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(checkpoint_folder).fingerprint == first.fingerprint
    test_no_temporary_file_is_left(checkpoint_folder)


def test_weights_of_another_training_are_refused(checkpoint_folder, tmp_path):
    """What a crash between the two files would leave: each is whole, but they do not belong together."""
    first = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "other", first.config, {name: w + 1 for name, w in first.weights.items()})
    (tmp_path / "other" / "model.safetensors").replace(checkpoint_folder / "model.safetensors")
    error = refusal(checkpoint_folder)
    assert (error.name, "SHA-256" in error.what) == ("checkpoint_weights", True)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(checkpoint_folder, file):
    (checkpoint_folder / file).unlink()
    error = refusal(checkpoint_folder)
    assert error.name == "checkpoint_missing"
    assert file in error.what


def test_a_missing_folder_is_a_missing_file(tmp_path):
    assert refusal(tmp_path / "nowhere").name == "checkpoint_missing"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "object"),
        (b'"\xff"', "UTF-8 at byte 1"),
        (b"[" * 100_000, ""),
        (b'{"format": "s2sdap", "version": 1, "x": "\\ud800"}', ""),
    ],
)
def test_what_is_no_json_object_is_malformed(checkpoint_folder, data, reason):
    (checkpoint_folder / "config.json").write_bytes(data)
    error = refusal(checkpoint_folder)
    assert error.name == "checkpoint_malformed"
    assert reason in error.what


DROP = object()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["format"], "other", "$.format"),
        (["format"], DROP, "$"),
        (["version"], "1", "$.version"),
        (["version"], DROP, "$"),
        (["family"], "transformer", "$.family"),
        (["surplus"], 1, "$"),
        (["weights"], 5, "$.weights"),
        (["weights"], DROP, "$"),
        (["network"], None, "$.network"),
        (["network"], DROP, "$"),
        (["network", "cell"], "sru", "$.network.cell"),
        (["network", "cell"], ["gru"], "$.network.cell"),
        (["network", "cell"], DROP, "$.network"),
        (["network", "surplus"], 1, "$.network"),
        (["network", "gate_activation"], "relu", "$.network.gate_activation"),
        (["network", "layers"], 0, "$.network.layers"),
        (["network", "layers"], 10**9, "$.network.layers"),
        (["network", "layers"], True, "$.network.layers"),
        (["network", "embedding_size"], -4, "$.network.embedding_size"),
        (["network", "encoder_size"], 10**12, "$.network.encoder_size"),
        (["network", "decoder_size"], 2**70, "$.network.decoder_size"),
        (["network", "decoder_size"], 6.5, "$.network.decoder_size"),
        (["network", "bidirectional"], "yes", "$.network.bidirectional"),
        (["network", "attention"], "global", "$.network.attention"),
        (["network", "attention"], "dot", "$.network"),
        (["network", "attention_query"], "next", "$.network.attention_query"),
        (["network", "dropout"], 1.0, "$.network.dropout"),
        (["network", "dropout"], -0.1, "$.network.dropout"),
        (["source", "unit"], "subword", "$.source.unit"),
        (["source", "lowercase"], 1, "$.source.lowercase"),
        (["source", "pieces"], "abc", "$.source.pieces"),
        (["source", "pieces", 5], None, "$.source.pieces[5]"),
        (["source", "pieces", 5], "a", "$.source"),
        (["source", "pieces", 5], "", "$.source"),
        (["target", "pieces", 3], "x", "$.target"),
        (["target", "pieces"], [], "$.target"),
        (["target", "end"], True, "$"),
        (["target", "bounded"], False, "$"),
        (["target", "surplus"], {}, "$.target"),
    ],
)
def test_a_malformed_field_is_named(checkpoint_folder, path, value, field):
    config = json.loads((checkpoint_folder / "config.json").read_text())
    place = config
    for part in path[:-1]:
        place = place[part]
    if value is DROP:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    error = refusal(checkpoint_folder)
    assert (error.name, error.details["field"]) == ("checkpoint_malformed", field), str(error)


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "rnn", "gate_activation": "hard_sigmoid"},
        {"attention": "none", "attention_query": "previous"},
        {"attention": "none", "input_feed": True},
        {"attention_query": "previous", "input_feed": True},
        {"attention": "none", "attention_bias": True},
        {"attention": "none", "attentional_activation": "linear"},
        {"attention": "dot", "bidirectional": False},
    ],
)
def test_parts_that_do_not_go_together_are_refused(changes):
    with pytest.raises(ValueError, match=next(reversed(changes)) if "dot" not in changes.values() else "dot"):
        small_config(**changes)


@pytest.mark.parametrize("version", [0, 2, -1, 99])
def test_another_version_says_which_it_is(checkpoint_folder, version):
    """Even where the rest of the file is of a form that this release does not know."""
    (checkpoint_folder / "config.json").write_text(
        json.dumps({"format": "s2sdap", "version": version, "new": 1})
    )
    error = refusal(checkpoint_folder)
    assert (error.name, error.details["found"]) == ("checkpoint_version", version)


@pytest.mark.parametrize("size", ["embedding_size", "encoder_size", "decoder_size"])
def test_sizes_that_the_weights_do_not_have_allocate_nothing(checkpoint_folder, size):
    """32 layers of 16384 features would be hundreds of gigabytes; the refusal comes from the shapes alone."""
    config = json.loads((checkpoint_folder / "config.json").read_text())
    config["network"] |= {size: 16384, "layers": 32}
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    assert refusal(checkpoint_folder).name == "checkpoint_weights"
    config["network"]["layers"] = 1
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    error = refusal(checkpoint_folder)
    assert error.name == "checkpoint_weights"
    assert "config.json asks for" in error.what


def test_a_longer_vocabulary_than_the_weights_have_is_refused(checkpoint_folder):
    config = json.loads((checkpoint_folder / "config.json").read_text())
    config["target"]["pieces"].append("more")
    (checkpoint_folder / "config.json").write_text(json.dumps(config))
    assert "[12, 5]" in refusal(checkpoint_folder).what


def spoilt_weights(weights: dict[str, torch.Tensor], how: str) -> bytes:
    name = "output.weight"
    if how == "missing":
        del weights[name]
    elif how == "extra":
        weights["surplus"] = torch.zeros(1)
    elif how == "transposed":
        weights[name] = weights[name].T.contiguous()
    elif how == "dtype":
        weights[name] = weights[name].double()
    elif how == "integers":
        weights[name] = weights[name].long()
    else:
        weights[name][0, 0] = {"nan": math.nan, "infinite": -math.inf}[how]
    return safetensors.torch.save(weights)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "lacks output.weight"),
        ("extra", "has surplus"),
        ("transposed", "output.weight has the shape [6, 11]"),
        ("dtype", "output.weight is float64"),
        ("integers", "output.weight is int64"),
        ("nan", "output.weight has a value that is not finite"),
        ("infinite", "output.weight has a value that is not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(checkpoint_folder, how, reason):
    weights = safetensors.torch.load_file(checkpoint_folder / "model.safetensors")
    put_weights(checkpoint_folder, spoilt_weights(weights, how))
    error = refusal(checkpoint_folder)
    assert error.name == "checkpoint_weights"
    assert reason in error.what


def test_a_network_that_diverged_cannot_be_saved(checkpoint_folder, tmp_path):
    first = load_checkpoint(checkpoint_folder)
    weights = dict(first.weights) | {"output.bias": torch.full((11,), math.nan)}
    with pytest.raises(S2sdapError, match="not finite"):
        save_checkpoint(tmp_path / "new", first.config, weights)
    with pytest.raises(S2sdapError, match="not finite"):  # too large for half precision
        save_checkpoint(
            tmp_path / "new",
            first.config,
            weights | {"output.bias": torch.full((11,), 1e6)},
            stored="float16",
        )


@pytest.mark.parametrize("keep", [0, 4, 8, 200, -1])
def test_truncated_weights_are_refused(checkpoint_folder, keep):
    data = (checkpoint_folder / "model.safetensors").read_bytes()
    put_weights(checkpoint_folder, data[:keep])
    assert refusal(checkpoint_folder).name == "checkpoint_weights"


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93.",  # a pickle
        b"PK\x03\x04" + bytes(60),
    ],
)
def test_other_formats_are_refused(checkpoint_folder, data):
    put_weights(checkpoint_folder, data)
    assert refusal(checkpoint_folder).name == "checkpoint_weights"


NAMES = {"checkpoint_malformed", "checkpoint_version", "checkpoint_weights"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from(["config.json", "model.safetensors"]),
    place=st.floats(0, 1, exclude_max=True),
    header=st.booleans(),
    replacement=st.binary(max_size=4),
)
def test_any_bytes_at_all_give_a_refusal_from_the_catalogue(
    checkpoint_folder, file, place, header, replacement
):
    path = checkpoint_folder / file
    whole = path.read_bytes()
    at = int(place * (min(len(whole), 600) if header else len(whole)))
    path.write_bytes(whole[:at] + replacement + whole[at + len(replacement) :])
    try:
        load_checkpoint(checkpoint_folder)
        refused = None
    except S2sdapError as error:
        refused = error.name
    path.write_bytes(whole)
    assert refused in {None, *NAMES}
