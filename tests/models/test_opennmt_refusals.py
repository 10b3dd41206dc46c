"""Files that are made to do harm, damaged, or of unknown parts: each is refused, and nothing of it runs."""

import io
import os
import random
import struct
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from opennmt_files import FORMS, checkpoint_file, weights
from torch import nn

from s2sdap.models.loading import load_model
from s2sdap.models.opennmt.loading import load
from s2sdap.vocabulary.errors import S2sdapError

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
"""What stands before the value in a stream: the number, the version, the system."""
EMPTY = b"\x80\x02}."


def refusal(path: Path) -> S2sdapError:
    with pytest.raises(S2sdapError) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return caught.value


def stream(value: bytes) -> bytes:
    return MAGIC + value + b"\x80\x02]."


def archive(value: bytes, *, compression=zipfile.ZIP_STORED, storages=()) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as writer:
        writer.writestr("demo/data.pkl", value)
        for name, data in storages:
            writer.writestr(f"demo/data/{name}", data)
    return file.getvalue()


def tar(value: bytes, storages=b"\x80\x02K\x00.\x80\x02].", tensors=b"\x80\x02K\x00.") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as writer:
        for name, part in (("pickle", value), ("storages", storages), ("tensors", tensors)):
            member = tarfile.TarInfo(name)
            member.size = len(part)
            writer.addfile(member, io.BytesIO(part))
    return file.getvalue()


WRAPPED = {"stream": stream, "zip": archive, "tar": tar}


def call(module: str, name: str, argument: str) -> bytes:
    """A pickle that, if it were run, would call a function with a text."""
    text = argument.encode()
    return (
        f"\x80\x02c{module}\n{name}\n".encode("latin-1")
        + b"X"
        + struct.pack("<I", len(text))
        + text
        + b"\x85R."
    )


@pytest.mark.parametrize("form", WRAPPED)
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "eval"),
        ("builtins", "__import__"),
        ("importlib", "import_module"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.serialization", "load"),
        ("torch.utils.data", "DataLoader"),
        ("runpy", "run_path"),
        ("pickle", "loads"),
        ("shutil", "rmtree"),
        ("onmtx", "anything"),
        ("functools", "reduce"),
        ("operator", "attrgetter"),
    ],
)
def test_what_would_run_something_is_refused_and_does_not_run(form, module, name, tmp_path):
    path, trace = tmp_path / "harm.pt", tmp_path / "it-ran"
    path.write_bytes(WRAPPED[form](call(module, name, f"touch {trace}")))
    error = refusal(path)
    assert (error.name, str(error.details["name"])) == ("pickle_forbidden", f"{module}.{name}")
    assert not trace.exists()


@pytest.mark.parametrize("module", ["onmt.Trainer", "torchtext.utils", "onmt"])
def test_a_name_that_is_allowed_is_neither_imported_nor_called(module, tmp_path, monkeypatch):
    trace = tmp_path / "it-ran"
    for package in ("onmt", "torchtext"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"open({str(trace)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "quiet.pt"
    path.write_bytes(stream(call(module, "evil", "anything")))
    assert refusal(path).name == "opennmt_unreadable"  # what it would make is no dictionary
    assert not trace.exists()


def test_a_checkpoint_with_something_to_run_hidden_in_its_options_is_refused(tmp_path):
    model, generator = weights(form="2023")

    class Harm:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'it-ran'}",)

    path = checkpoint_file(tmp_path / "harm.pt", model, generator, form="2023", save_model=Harm())
    assert refusal(path).name == "pickle_forbidden"
    assert not (tmp_path / "it-ran").exists()


# ---------------------------------------------------------------- deep, huge, damaged


def storage(count: int, kind: bytes = b"FloatStorage") -> bytes:
    """A persistent id of a storage of `count` numbers."""
    number = b"\x8a\x08" + struct.pack("<q", count)
    return b"(X\x07\0\0\0storagectorch\n" + kind + b"\nX\x01\0\0\x000X\x03\0\0\0cpu" + number + b"tQ"


def tensor(count: int, sizes: bytes, strides: bytes) -> bytes:
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(count) + b"K\0" + sizes + strides + b"\x89}tR"


def checkpoint(weight: bytes) -> bytes:
    """A pickle of a checkpoint whose model has one weight."""
    return b"\x80\x02}(X\x05\0\0\0model}X\x01\0\0\0w" + weight + b"sX\x09\0\0\0generator}X\x05\0\0\0vocab}u."


HUGE = b"\x8a\x06\0\0\0\0\0\x01"
DAMAGED = {
    "nested lists": b"\x80\x02" + b"(" * 200_000 + b"l" * 10 + b".",
    "nested tuples": b"\x80\x02)" + b"\x85" * 60_000 + b".",
    "a deep key": b"\x80\x02})" + b"\x85" * 60_000 + b"Ns.",
    "a list as a key": b"\x80\x02}]Ns.",
    "no stop": b"\x80\x02}",
    "nothing on the stack": b"\x80\x02.",
    "two values": b"\x80\x02NN.",
    "an unknown instruction": b"\x80\x02I01\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "protocol 9": b"\x80\x09N.",
    "a value that is not there": b"\x80\x02h\x07.",
    "a build of nothing": b"\x80\x02NNb.",
    "a text longer than the file": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "a text that is not UTF-8": b"\x80\x02X\x01\0\0\0\xff.",
    "no dictionary": b"\x80\x02].",
    "an empty dictionary": EMPTY,
    "a call of a call": b"\x80\x02conmt.a\nb\n)R)R.",
    "a huge storage": checkpoint(tensor(2**40, b"K\x02\x85", b"K\x01\x85")),
    "a storage that is not there": checkpoint(tensor(4, b"K\x02\x85", b"K\x01\x85")),
    "a huge size": checkpoint(tensor(4, HUGE + b"\x85", b"K\0\x85")),
    "sizes and strides that differ": checkpoint(tensor(4, b"K\x02\x85", b"K\x01K\x01\x86")),
    "a negative size": checkpoint(tensor(4, b"J\xff\xff\xff\xff\x85", b"K\x01\x85")),
    "a weight that is no tensor": checkpoint(b"N"),
    "a storage of text": checkpoint(
        tensor(4, b"K\x02\x85", b"K\x01\x85").replace(b"FloatStorage", b"EvilStorage")
    ),
}


@pytest.mark.parametrize("form", ["stream", "zip"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_damaged_is_refused(damage, form, tmp_path):
    path = tmp_path / "damaged.pt"
    path.write_bytes(WRAPPED[form](DAMAGED[damage]))
    assert refusal(path).name in ("opennmt_unreadable", "opennmt_weights")


OTHERS = [
    b"",
    b"PK\x03\x04",
    b"not a checkpoint",
    b"\x80",
    bytes(1000),
    MAGIC,
    MAGIC[:16],
    archive(EMPTY, compression=zipfile.ZIP_DEFLATED),
    archive(EMPTY)[:-30],
    archive(EMPTY).replace(b"data.pkl", b"code.pkl"),
    tar(EMPTY, storages=b"\x80\x02\x8a\x05\xff\xff\xff\xff\x7f."),
    tar(EMPTY, tensors=b"\x80\x02K\x01.\x80\x02K\x01K\x02K\x03\x87."),
    b"{}",
    b"<html>",
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_what_is_no_checkpoint_at_all_is_told(number, tmp_path):
    path = tmp_path / "other.pt"
    path.write_bytes(OTHERS[number])
    assert refusal(path).name == "opennmt_unreadable"


def test_a_storage_shorter_than_its_numbers_is_refused(tmp_path):
    path = tmp_path / "short.pt"
    value = checkpoint(tensor(4, b"K\x04\x85", b"K\x01\x85"))
    path.write_bytes(archive(value, storages=[("0", bytes(12))]))
    assert "12 bytes" in refusal(path).what
    path.write_bytes(archive(value, storages=[("0", bytes(16))]))
    assert refusal(path).name == "opennmt_weights"  # now it can be read, and is no model


@pytest.mark.parametrize("place", ["", ".", "nowhere.pt", "~nobody-of-that-name/x", "x" * 5000, "a\0b"])
def test_a_file_that_is_not_there_is_told(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(S2sdapError) as caught:
        load(place)
    assert caught.value.name == "opennmt_unreadable"


@pytest.mark.parametrize("form", ["2017", "2021"])
def test_a_file_that_ends_anywhere_is_refused(form, tmp_path):
    path = checkpoint_file(tmp_path / "demo.pt", *weights(form=form), form=form)
    data = path.read_bytes()
    for end in range(0, len(data) - 1, len(data) // 40):
        path.write_bytes(data[:end])
        assert refusal(path).name == "opennmt_unreadable"


@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_file_is_changed_into_it_loads_or_is_refused(form, tmp_path):
    """Copies with bytes changed, taken out or put in; some ten thousand others were tried by hand."""
    path = checkpoint_file(tmp_path / "demo.pt", *weights(form=form), form=form)
    data, draw = path.read_bytes(), random.Random(form)
    ends = Counter[str]()
    for _ in range(50):
        changed = bytearray(data)
        at = draw.randrange(len(data))
        changed[at : at + draw.randrange(4)] = draw.randbytes(draw.randrange(4))
        path.write_bytes(changed)
        try:
            load(str(path))
            ends["loaded"] += 1
        except S2sdapError as error:
            ends[error.name] += 1
    refusals = {"opennmt_unreadable", "pickle_forbidden", "opennmt_unsupported", "opennmt_weights"}
    assert ends.keys() <= {"loaded", *refusals}
    assert ends["opennmt_unreadable"] > 10


def test_a_file_cannot_fill_a_message_with_its_own_text(tmp_path):
    name = "os\u202e.evil" + "x" * 5000 + "\n\x1b[2J"
    path = tmp_path / "harm.pt"
    text = name.encode()
    path.write_bytes(archive(b"\x80\x04X" + struct.pack("<I", len(text)) + text + b"X\x01\0\0\0a\x93."))
    error = refusal(path)
    assert error.name == "pickle_forbidden"
    assert str(error).isprintable()


# ---------------------------------------------------------------- what is not supported


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"encoder_type": "transformer", "decoder_type": "transformer"}, "a Transformer encoder"),
        ({"decoder_type": "transformer"}, "a Transformer decoder"),
        ({"encoder_type": "cnn"}, "a Cnn encoder"),
        ({"model_type": "img"}, "model_type img"),
        ({"model_task": "lm"}, "model_task lm"),
        ({"rnn_type": "SRU"}, "SRU"),
        ({"global_attention_function": "sparsemax"}, "sparsemax"),
        ({"coverage_attn": True}, "coverage attention"),
        ({"context_gate": "both"}, "a context gate"),
        ({"bridge": True}, "a bridge"),
        ({"brnn_merge": "sum"}, "added up"),
        ({"position_encoding": True}, "position encoding"),
    ],
)
def test_an_option_that_is_not_supported_is_named(options, told, tmp_path):
    path = checkpoint_file(tmp_path / "demo.pt", *weights(), **options)
    error = refusal(path)
    assert error.name == "opennmt_unsupported"
    assert told in error.what
    assert "docs/opennmt.md" in error.remedy


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("encoder.transformer.0.layer_norm.weight", "a Transformer"),
        ("encoder.bridge.0.weight", "a bridge"),
        ("decoder.context_gate.context_gate.gate.weight", "a context gate"),
        ("decoder.attn.linear_cover.weight", "coverage attention"),
        ("encoder.embeddings.make_embedding.emb_luts.1.weight", "word features"),
        ("encoder.embeddings.make_embedding.pe.pe", "position encoding"),
        ("decoder.conv.weight", "convolutions"),
        ("decoder.copy_attn.linear_in.weight", "decoder.copy_attn.linear_in.weight"),
        ("decoder.something.weight", "decoder.something.weight"),
    ],
)
def test_a_weight_of_a_part_that_is_not_supported_is_named(name, told, tmp_path):
    model, generator = weights()
    path = checkpoint_file(tmp_path / "demo.pt", model | {name: torch.ones(2, 2)}, generator)
    error = refusal(path)
    assert error.name == "opennmt_unsupported"
    assert told in error.what


def changed(change):
    """The parts of a model after a change of them."""
    model, generator = weights()
    change(model, generator)
    return model, generator


UNFIT = {
    "a layer less in the decoder": (
        lambda model, _: [model.pop(name) for name in list(model) if "rnn.layers.1" in name],
        "opennmt_unsupported",
    ),
    "GRU cells in the decoder": (
        lambda model, _: model.update(
            {f"decoder.rnn.layers.0.{name}": value for name, value in nn.GRUCell(14, 8).state_dict().items()}
        ),
        "opennmt_unsupported",
    ),
    "no output layer": (lambda _, generator: generator.clear(), "opennmt_weights"),
    "a bias of another length": (
        lambda _, generator: generator.update({"0.bias": torch.ones(3)}),
        "opennmt_weights",
    ),
    "an embedding without a row": (
        lambda model, _: model.update({EMBEDDING: model[EMBEDDING][1:]}),
        "opennmt_weights",
    ),
    "a number that is none": (
        lambda model, _: model[EMBEDDING][0].fill_(float("nan")),
        "opennmt_weights",
    ),
    "no encoder": (
        lambda model, _: [model.pop(name) for name in list(model) if "encoder.rnn" in name],
        "opennmt_weights",
    ),
}
EMBEDDING = "encoder.embeddings.make_embedding.emb_luts.0.weight"


@pytest.mark.parametrize("what", UNFIT)
def test_weights_that_do_not_go_together_are_refused(what, tmp_path):
    change, name = UNFIT[what]
    path = checkpoint_file(tmp_path / "demo.pt", *changed(change))
    assert refusal(path).name == name


def test_a_vocabulary_that_contradicts_itself_is_refused(tmp_path):
    words = (["a", "b", "c", "d", "a"], ["x"] * 6)
    path = checkpoint_file(tmp_path / "demo.pt", *weights(words=words), words=words)
    loaded = load(str(path))  # a word twice is none: the last has the id
    assert [token.id for token in loaded.tokenize("a b").tokens] == [6, 3]
    assert loaded.target.piece(4) == "x (4)"


def test_no_option_of_other_families_is_taken(tmp_path):
    path = checkpoint_file(tmp_path / "demo.pt", *weights())
    with pytest.raises(S2sdapError) as caught:
        load_model(f"opennmt:{path}", dtype="float16")
    assert caught.value.name == "option_unused"
