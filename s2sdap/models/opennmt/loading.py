"""`opennmt:<file>` to a model: a checkpoint of OpenNMT-py as one of the recurrent family.

Nothing in the file is run: its pickle is read as data (`pickled`). The model computes by the family's own
network, so everything that works for the bundled one works for it.
"""

from pathlib import Path
from typing import Any, Final

from s2sdap.models.adapting import fingerprint_of
from s2sdap.models.checkpoint import Checkpoint, CheckpointConfig
from s2sdap.models.loading import usable_device
from s2sdap.models.opennmt.options import dropout_of, options_of, refuse_unsupported
from s2sdap.models.opennmt.reasons import Forbidden, Unfit, Unreadable, Unsupported
from s2sdap.models.opennmt.torch_file import read_torch_file
from s2sdap.models.opennmt.vocabulary import sides_of
from s2sdap.models.opennmt.weights import check_shapes, named_weights, network_of
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.tokenizers import PAD
from s2sdap.vocabulary.errors import S2sdapError

MAX_BYTES: Final = 8 * 1024**3
LONGEST_REASON: Final = 300
NEVER: Final = -1e4
"""A logit of which a softmax makes exactly 0, beside others of any size that a network gives."""


def load(rest: str, device: str = "cpu") -> RnnModel:
    """The model in the checkpoint file `rest`, on `device`.

    Raises:
        S2sdapError: 2031 to 2034 of the catalogue, and `bad_device`.
    """
    place = usable_device(device)
    return RnnModel(read_checkpoint(rest), Path(rest).stem, place)


def read_checkpoint(path: str) -> Checkpoint:
    """The checkpoint of OpenNMT-py at `path` as one of ours, which `save_checkpoint` can write.

    Raises:
        S2sdapError: `opennmt_unreadable`, `pickle_forbidden`, `opennmt_unsupported`, `opennmt_weights`.
    """
    try:
        return _checkpoint(_bytes(path))
    except Forbidden as error:
        raise S2sdapError("pickle_forbidden", path=path, name=_told(error)) from None
    except Unreadable as error:
        raise S2sdapError("opennmt_unreadable", path=path, reason=_told(error)) from None
    except Unsupported as error:
        raise S2sdapError("opennmt_unsupported", path=path, part=_told(error)) from None
    except Unfit as error:
        raise S2sdapError("opennmt_weights", path=path, reason=_told(error)) from None


def _told(error: Exception) -> str:
    """What an error says, in which a file may have put any text, as one line of signs that show."""
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(error))
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"


def _bytes(path: str) -> bytes:
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            raise Unreadable("it is a folder; give the .pt file in it")
        if not file.is_file():
            raise Unreadable("there is no such file")
        if (size := file.stat().st_size) > MAX_BYTES:
            raise Unreadable(f"it has {size} bytes; the limit is {MAX_BYTES}")
        return file.read_bytes()
    except (OSError, RuntimeError) as error:  # closed to us, a name too long, no such ~user
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from None


def _checkpoint(data: bytes) -> Checkpoint:
    file = read_torch_file(data)
    saved: Any = file.value
    if not isinstance(saved, dict):
        raise Unreadable("it holds no dictionary of a training")
    options = options_of(saved)
    refuse_unsupported(options)
    model, generator = saved.get("model"), saved.get("generator")
    if not isinstance(model, dict) or not isinstance(generator, dict):
        raise Unreadable("it has no `model` and `generator`")
    network, weights = network_of(named_weights(model, generator, file.tensor), dropout_of(options))
    source, target = sides_of(saved)
    try:
        config = CheckpointConfig(family="rnn", network=network, source=source, target=target)
    except ValueError as error:
        raise Unfit(str(error)) from None
    check_shapes(config, weights)
    if network.copying != "none":  # its output layer gives padding no probability
        bias = weights["output.bias"].clone()
        bias[target.pieces.index(PAD)] = NEVER
        weights["output.bias"] = bias
    return Checkpoint(config, weights, fingerprint_of(weights, config))
