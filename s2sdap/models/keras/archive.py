"""A file that Keras saved: what it says of its layers, and their weights. Nothing in it is run.

`.keras` is a zip with `config.json`, `metadata.json` and `model.weights.h5`, in which layers are named by
their class and counted. `.h5` is one HDF5 file whose attribute `model_config` is the configuration; its
layers are named as in there. HDF5 can point into other files: such links are refused, and no array is
read before its size is known to be the one that the layers ask for.
"""

import contextlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from s2sdap.vocabulary.errors import S2sdapError

try:
    import h5py  # type: ignore[import-untyped]
except ImportError as missing:
    raise S2sdapError("h5py_missing", reason=missing) from missing

_MOST_TEXT: Final = 16 * 1024 * 1024
_MOST_WEIGHTS: Final = 1024 * 1024 * 1024
_CONFIG: Final = "config.json"
_METADATA: Final = "metadata.json"
_WEIGHTS: Final = "model.weights.h5"
_LAYERS: Final = ("layers", "_layer_checkpoint_dependencies")
"""Where the layers of a `.keras` file are: in Keras 3, and in some releases of Keras 2."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as its file tells of it: its class, its configuration, and what it is given.

    `inner` is the layer within a `TimeDistributed`.
    """

    kind: str
    config: Mapping[str, Any]
    inbound: Any
    inner: "Layer | None" = None

    @property
    def name(self) -> str:
        """What the file calls it."""
        return str(self.config.get("name", self.kind))


@dataclass(frozen=True, slots=True)
class Archive:
    """An open file: the class of the model, the version of Keras that wrote it, and its layers."""

    path: Path
    kind: str
    version: str
    layers: tuple[Layer, ...]
    groups: Mapping[str, Any]
    """The HDF5 group of each layer by its name; a layer without weights may have none."""
    modern: bool
    """Whether the groups are those of a `.keras` file."""

    def weights(self, layer: Layer, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.float32]]:
        """The arrays of a layer, in the order in which Keras holds them. Raises `keras_weights`."""
        group = self.groups.get(layer.name)
        found = [] if group is None else self._arrays(group, layer)
        there = [tuple(each.shape) for each in found]
        if there != list(shapes):
            raise self.misfit(f"layer {layer.name} has arrays {_told(there)}, and asks for {_told(shapes)}")
        read = []
        for each in found:
            if each.external or each.is_virtual:
                raise self.misfit(f"layer {layer.name} has its numbers in another file")
            if each.dtype not in (np.float16, np.float32, np.float64):
                raise self.misfit(f"layer {layer.name} has numbers of the type {each.dtype}")
            values = np.asarray(each[()], dtype=np.float32)
            if not np.isfinite(values).all():
                raise self.misfit(f"layer {layer.name} has a number that is not finite")
            read.append(values)
        return read

    def misfit(self, reason: str) -> S2sdapError:
        """The refusal of weights."""
        return S2sdapError("keras_weights", path=self.path, reason=reason)

    def _arrays(self, group: Any, layer: Layer) -> list[Any]:
        if not self.modern:
            return [_inside(group, name, self.path) for name in _texts(group.attrs.get("weight_names", ()))]
        if layer.inner is not None:
            group = _inside(group, "layer", self.path)
        elif "cell" in group:
            group = _inside(group, "cell", self.path)
        arrays = _inside(group, "vars", self.path) if "vars" in group else {}
        return [_inside(arrays, str(number), self.path) for number in range(len(arrays))]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The file at `path`. Raises `keras_unreadable`."""
    try:
        head = path.open("rb").read(8)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    try:
        if head[:4] == b"PK\x03\x04":
            with (
                zipfile.ZipFile(path) as archive,
                h5py.File(io.BytesIO(_member(archive, path, _WEIGHTS)), "r") as file,
            ):
                yield _modern(path, archive, file)
        else:
            with h5py.File(path, "r") as file:
                yield _legacy(path, file)
    except (OSError, zipfile.BadZipFile, EOFError, KeyError, RuntimeError, NotImplementedError) as error:
        raise _unreadable(path, str(error).strip("'\"") or type(error).__name__) from error


def _modern(path: Path, archive: zipfile.ZipFile, file: Any) -> Archive:
    said = _json(path, _CONFIG, _member(archive, path, _CONFIG))
    about = _json(path, _METADATA, _member(archive, path, _METADATA))
    kind, layers = _layers(path, said)
    root = next((name for name in _LAYERS if name in file), None)
    if root is None:
        raise _unreadable(path, f"{_WEIGHTS} has no group of layers")
    inside = _inside(file, root, path)
    counts: Counter[str] = Counter()
    groups = {}
    for layer in layers:
        if layer.kind == "InputLayer" and "input_layer" not in inside:
            continue
        name = _snake(layer.kind)
        full = f"{name}_{counts[name]}" if counts[name] else name
        counts[name] += 1
        if full in inside:
            groups[layer.name] = _inside(inside, full, path)
    return Archive(path, kind, str(about.get("keras_version", "")), layers, groups, modern=True)


def _legacy(path: Path, file: Any) -> Archive:
    if "model_config" not in file.attrs:
        raise _unreadable(path, "it has weights alone and does not say of which layers; save the whole model")
    said = _json(path, "model_config", _text(file.attrs["model_config"]).encode())
    kind, layers = _layers(path, said)
    inside = _inside(file, "model_weights", path)
    groups = {layer.name: _inside(inside, layer.name, path) for layer in layers if layer.name in inside}
    version = _text(file.attrs.get("keras_version", inside.attrs.get("keras_version", "")))
    return Archive(path, kind, version, layers, groups, modern=False)


def _layers(path: Path, said: Mapping[str, Any]) -> tuple[str, tuple[Layer, ...]]:
    """The class of the model and its layers, in their order."""
    inside = said.get("config")
    listed = inside.get("layers") if isinstance(inside, dict) else inside  # Keras 1 and 2.0: a list by itself
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise _unreadable(path, "its configuration has no list of layers")
    return str(said.get("class_name")), tuple(_layer(path, each) for each in listed)


def _layer(path: Path, said: Mapping[str, Any]) -> Layer:
    config = said.get("config")
    if not isinstance(config, dict):
        raise _unreadable(path, f"the layer {said.get('class_name')} has no configuration")
    if "name" in said:
        config = {**config, "name": said["name"]}
    kind = str(said.get("class_name"))
    inner = config.get("layer")
    within = _layer(path, inner) if kind == "TimeDistributed" and isinstance(inner, dict) else None
    return Layer(kind, config, said.get("inbound_nodes"), within)


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    try:
        about = archive.getinfo(name)
    except KeyError:
        raise _unreadable(path, f"it has no {name}") from None
    most = _MOST_WEIGHTS if name == _WEIGHTS else _MOST_TEXT
    if about.file_size > most:
        raise _unreadable(path, f"{name} has {about.file_size} bytes; the limit is {most}")
    return archive.read(about)


def _inside(group: Any, name: str, path: Path) -> Any:
    """What `group` has under `name`, if it lies in this file."""
    place = group
    for part in name.strip("/").split("/"):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            raise _unreadable(path, f"it has no {name}")
        if not isinstance(link, h5py.HardLink):
            raise _unreadable(path, f"{name} is a link")
        place = place[part]
    return place


def _json(path: Path, what: str, data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(path, f"{what}: {error}") from None
    if not isinstance(found, dict):
        raise _unreadable(path, f"{what} is no object")
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in np.asarray(values).tolist()]


def _snake(name: str) -> str:
    """How a `.keras` file writes a class: `SimpleRNN` is `simple_rnn`."""
    apart = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _told(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "one number" for shape in shapes) or "none"


def _unreadable(path: Path, reason: str) -> S2sdapError:
    return S2sdapError("keras_unreadable", path=path, reason=reason.rstrip("."))
