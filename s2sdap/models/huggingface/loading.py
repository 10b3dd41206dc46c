"""`hf:<folder or hub id>` to a model: configuration, class, weights, tokenizer, each refused with its reason.

Everything is read as `from_pretrained` reads it, the model's own `generation_config.json` too. Code that
lies beside the weights runs only where that was asked for.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from s2sdap.models.loading import LoadOptions, usable_device
from s2sdap.vocabulary.errors import S2sdapError

try:
    import transformers
except ImportError as missing:
    raise S2sdapError("transformers_missing", reason=missing) from missing

from s2sdap.models.huggingface.encoder_length import main_input
from s2sdap.models.huggingface.face import READ_HERE, HuggingFaceModel
from s2sdap.models.huggingface.kinds import auto_class, read_config
from s2sdap.models.huggingface.place import find
from s2sdap.models.huggingface.processing import load_processing
from s2sdap.models.huggingface.weights import check_dtype, load_weights


def load(rest: str, device: str = "cpu", options: LoadOptions | None = None) -> HuggingFaceModel:
    """The model in the folder `rest`, or with that id on the hub, on `device`.

    Raises:
        S2sdapError: 2010 to 2023 of the catalogue, for whatever is not as it must be.
    """
    options = options or LoadOptions()
    trusted = options.trust_remote_code
    check_dtype(options.dtype)
    usable_device(device)
    place = find(rest, options.revision)
    with quiet():
        config = read_config(place, trusted=trusted)
        auto = auto_class(place, config, trusted=trusted)
        model = load_weights(auto, place, config, dtype=options.dtype, device=device, trusted=trusted)
        reads = main_input(model)
        if reads not in READ_HERE:
            raise S2sdapError("source_kind", model=place.name, argument=reads)
        processing = load_processing(place, reads, trusted=trusted)
    return HuggingFaceModel(model, processing, place.name)


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own reports and progress bars, which would stand between ours."""
    logs: Any = transformers.logging  # it has no types
    level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logs.set_verbosity(level)
        if bars:
            logs.enable_progress_bar()
