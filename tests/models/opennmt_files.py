"""Checkpoints of OpenNMT-py in the forms that its versions wrote, without OpenNMT-py.

Classes of its name stand in their modules while torch saves them, so that the file says the same names; each
has the attributes that were saved with it. The oldest form, a tar archive, torch can no longer write: it is
written by hand here, and torch itself can read it.
"""

import io
import struct
import sys
import tarfile
from argparse import Namespace
from collections import Counter, defaultdict
from contextlib import contextmanager
from types import ModuleType
from typing import Final

import torch
from torch import nn

SOURCE = ["das", "Haus", "ist", "klein", "Schön"]
TARGET = ["the", "house", "is", "small", "nice", "a"]
FORMS = ("2016", "2017", "2019", "2021", "2023")
"""`onmt.Dict` in a tar archive; pairs in a stream; fields in lists; fields in a zip archive; lists in one."""


_SPECIAL: Final = {"2016": (4, 4), "2017": (4, 8), "2019": (2, 4), "2021": (4, 4), "2023": (4, 4)}
"""How many tokens each side has beside its words."""


def weights(
    cell="LSTM",
    *,
    form="2017",
    words=(SOURCE, TARGET),
    layers=2,
    brnn=True,
    attention="general",
    feed=True,
    widths=(6, 6),
    tied=False,
    copying=None,
):
    """The state dictionaries of encoder and decoder, and of the output layer, with the names of 2018.

    `copying` is "reuse" for copying by the attention of the context, or the kind of an attention of its own;
    "early" is one that is `general`, with the bias that the output layer had in 2017.
    """
    torch.manual_seed(3)
    size, (source, target) = 8, widths
    rows = [len(side) + more for side, more in zip(words, _SPECIAL[form], strict=True)]
    shared = nn.Embedding(rows[0], source) if tied else None
    parts = {
        "encoder.embeddings.make_embedding.emb_luts.0": shared or nn.Embedding(rows[0], source),
        "encoder.rnn": getattr(nn, cell)(
            source,
            size // (1 + brnn),
            num_layers=layers,
            bidirectional=brnn,
            dropout=0.1 if layers > 1 else 0,
        ),
        "decoder.embeddings.make_embedding.emb_luts.0": shared or nn.Embedding(rows[1], target),
    }
    if feed:
        cells = getattr(nn, f"{cell}Cell")
        for layer in range(layers):
            parts[f"decoder.rnn.layers.{layer}"] = cells(size if layer else target + size, size)
    else:
        parts["decoder.rnn"] = getattr(nn, cell)(target, size, num_layers=layers)
    parts |= _attention("decoder.attn.", attention, size)
    if copying not in (None, "reuse"):
        parts |= _attention("decoder.copy_attn.", "general" if copying == "early" else copying, size)
    with torch.no_grad():
        for part in parts.values():
            for weight in part.parameters():
                weight.uniform_(-0.9, 0.9)
        output = nn.Linear(size, rows[1], bias=copying in (None, "early"))
        output.weight.uniform_(-2, 2)
    model = {
        f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()
    }
    if copying is None:
        return model, {f"0.{key}": value for key, value in output.state_dict().items()}
    generator = {f"linear.{key}": value for key, value in output.state_dict().items()}
    gate = nn.Linear(size, 1)
    return model, generator | {f"linear_copy.{key}": value for key, value in gate.state_dict().items()}


def _attention(part, kind, size):
    """The layers of one `GlobalAttention`."""
    if kind == "none":
        return {}
    layers = {"linear_out": nn.Linear(2 * size, size, bias=kind == "mlp")}
    if kind == "general":
        layers = {"linear_in": nn.Linear(size, size, bias=False), **layers}
    elif kind == "mlp":
        layers = {
            "linear_context": nn.Linear(size, size, bias=False),
            "linear_query": nn.Linear(size, size),
            "v": nn.Linear(size, 1, bias=False),
            **layers,
        }
    return {f"{part}{name}": layer for name, layer in layers.items()}


def options(**changes):
    """Options of a training, as far as somebody might look at them."""
    given = {
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "rnn_size": 8,
        "input_feed": 1,
    }
    given |= {"model_type": "text", "global_attention": "general", "copy_attn": False, "coverage_attn": False}
    given |= {"context_gate": None, "position_encoding": False, "layers": -1, "dropout": 0.3, "gpuid": []}
    return given | changes


def checkpoint_file(path, model, generator, *, form="2017", words=(SOURCE, TARGET), **changes):
    """Write a checkpoint as a version of OpenNMT-py did."""
    source, target = words
    with _classes() as make:
        opt = Namespace(**options(**changes))
        saved = {"model": dict(model), "generator": dict(generator), "opt": opt, "epoch": 13}
        if form == "2016":
            saved["dicts"] = {"src": _dict(make, source), "tgt": _dict(make, target), "src_features": []}
            saved["model"] = {
                name.replace("embeddings.make_embedding.emb_luts.0", "word_lut"): value
                for name, value in model.items()
            }
        elif form == "2017":
            saved["vocab"] = [("src", _vocab(make, source, side="src")), ("tgt", _vocab(make, target))]
            saved["model"] = {name.replace("make_embedding.", ""): value for name, value in model.items()}
            saved["model"] = {
                name: value[None] if "layers" in name and "bias" in name else value
                for name, value in saved["model"].items()
            }
            saved["optim"] = make("onmt.Optim", "Optim", lr=0.5, params=[nn.Parameter(torch.ones(2))])
            moments = defaultdict(dict, {saved["optim"].params[0]: {"momentum_buffer": None}})
            groups = [{"lr": 0.5, "params": saved["optim"].params}]
            saved["optim"].optimizer = make(
                "torch.optim.sgd", "SGD", defaults={}, state=moments, param_groups=groups
            )
        elif form == "2019":
            saved["vocab"] = {
                "src": [("src", _field(make, source, "src", bounded=False))],
                "tgt": [("tgt", _field(make, target, "tgt"))],
                "indices": [
                    ("indices", make("torchtext.data.field", "Field", use_vocab=False, dtype=torch.long))
                ],
            }
        elif form == "2021":
            saved["vocab"] = {
                side: make(
                    "onmt.inputters.text_dataset",
                    "TextMultiField",
                    fields=[(side, _field(make, words, side))],
                    is_target=False,
                )
                for side, words in (("src", source), ("tgt", target))
            }
            saved["optim"] = {
                "training_step": 100,
                "optimizer": {"state": {0: {"step": 1}}, "param_groups": []},
            }
        elif form == "2023":
            specials = ["<unk>", "<blank>", "<s>", "</s>"]
            saved["vocab"] = {"src": specials + source, "tgt": specials + target}
            saved["vocab"] |= {"data_task": "seq2seq", "decoder_start_token": "<s>"}
            saved["generator"] = {name.removeprefix("0."): value for name, value in generator.items()}
        if form == "2016":
            path.write_bytes(tar_file(saved))
        else:
            torch.save(saved, path, _use_new_zipfile_serialization=form in ("2021", "2023"))
    return path


@contextmanager
def _classes():
    """A maker of objects whose class has the name that is asked for, in the module that is asked for."""
    made_modules = []

    def make(module, name, **attributes):
        parts = module.split(".")
        for depth in range(len(parts)):
            part = ".".join(parts[: depth + 1])
            if part not in sys.modules:
                sys.modules[part] = ModuleType(part)
                made_modules.append(part)
            home = sys.modules[part]
        if not hasattr(home, name):
            setattr(home, name, type(name, (), {"__module__": module, "__qualname__": name}))
        kind = getattr(home, name)
        made = kind.__new__(kind)
        made.__dict__.update(attributes)
        return made

    yield make
    for name in made_modules:
        del sys.modules[name]


def _vocab(make, words, side="tgt"):
    """A vocabulary of 2017: every special token stands twice, and the last place is that of its id."""
    bounds = [] if side == "src" else ["<s>", "</s>"]
    tokens = ["<unk>", "<blank>", *bounds, *words, *reversed(bounds), "<blank>", "<unk>"]
    ids = {token: number for number, token in enumerate(tokens)}
    return make("torchtext.vocab", "Vocab", freqs=Counter(words), stoi=ids, itos=tokens, unk_init=None)


def _field(make, words, side, *, bounded=True):
    bounds = ["<s>", "</s>"] if bounded else []
    tokens = ["<unk>", "<blank>", *bounds, *words]
    ids = {token: number for number, token in enumerate(tokens)} | {"looked-up-once": 0}
    vocab = make("torchtext.vocab", "Vocab", freqs=Counter(words), stoi=ids, itos=tokens)
    tokens = (
        {"init_token": "<s>", "eos_token": "</s>"}
        if side == "tgt"
        else {"init_token": None, "eos_token": None}
    )
    rest = {"unk_token": "<unk>", "pad_token": "<blank>", "lower": False, "tokenize": str.split}
    return make("torchtext.data.field", "Field", vocab=vocab, dtype=torch.long, **tokens, **rest)


def _dict(make, words):
    tokens = dict(enumerate(["<blank>", "<unk>", "<s>", "</s>", *words]))
    ids = {token: number for number, token in tokens.items()}
    return make(
        "onmt.Dict", "Dict", idxToLabel=tokens, labelToIdx=ids, frequencies={}, lower=False, special=[0]
    )


def tar_file(saved):
    """What torch wrote before February 2017; see `_legacy_load` of `torch.serialization`, which reads it."""
    tensors = [*saved["model"].items(), *saved["generator"].items()]
    storages, described = io.BytesIO(), io.BytesIO()
    _plain(len(tensors), storages)
    _plain(len(tensors), described)
    for number, (_, value) in enumerate(tensors):
        _plain((number + 1000, "cpu", torch.FloatStorage), storages)
        storages.write(struct.pack("<q", value.numel()) + value.contiguous().numpy().tobytes())
        _plain((number, number + 1000, torch.FloatTensor), described)
        shape = [*value.shape, *value.contiguous().stride(), 0]
        described.write(struct.pack(f"<ii{len(shape)}q", value.dim(), 0, *shape))
    _plain([], storages)
    numbers = {id(value): str(number) for number, (_, value) in enumerate(tensors)}
    whole = io.BytesIO()
    _plain(saved, whole, lambda value: numbers.get(id(value)) if isinstance(value, torch.Tensor) else None)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, part in (
            ("sys_info", io.BytesIO()),
            ("pickle", whole),
            ("tensors", described),
            ("storages", storages),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(part.getvalue())
            archive.addfile(member, io.BytesIO(part.getvalue()))
    return file.getvalue()


def _plain(value, file, reference=None):
    """`value` as torch's own pickler of that time wrote it."""
    pickler = torch.serialization.pickle.Pickler(file, protocol=2)
    if reference is not None:
        pickler.persistent_id = reference
    pickler.dump(value)
