"""Recordings as sources: the line names an audio file, and its tokens are the encoder's frames.

A frame's piece is the time at which it starts; where the features go on past the end of the recording
(Whisper always reads 30 seconds) it is told. Frames stand nowhere in the line, so they have no span.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from s2sdap.models.huggingface.encoder_length import EncoderLengths, frames_axis, main_input
from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.models.huggingface.resampling import resample
from s2sdap.models.huggingface.source_files import FileSource, SourceFile, check_unchanged, file_of_line
from s2sdap.models.tokens import SourceToken

MAX_SAMPLES: Final = 64 * 1024 * 1024
"""How many samples a recording may have, over all channels: 23 minutes at 48 kHz."""
KIND: Final = "recording"
_FRAME_SHIFT: Final = 0.01
"""Seconds between two feature frames where the extractor does not say: what filter banks use."""


class AudioReader:
    """Reads recordings for one model, with the feature extractor that belongs to it."""

    def __init__(self, model: PreTrainedModel, extractor: Any, lengths: EncoderLengths) -> None:
        self._model = model
        self._extractor = extractor
        self._lengths = lengths

    @property
    def ready(self) -> bool:
        """Whether there is what recordings are read with."""
        return self._extractor is not None

    def read(self, line: str, base: Path | None) -> FileSource:
        """The frames of the recording that `line` names."""
        file = file_of_line(line, base, KIND)
        wave = self._wave(file)
        tokens = self.frames(self._features(file, wave), len(wave) / self._extractor.sampling_rate)
        if not tokens:
            raise file.refused("it is too short for one frame of this model")
        return FileSource(line, tokens, file=file)

    def inputs(self, file: SourceFile) -> dict[str, Tensor]:
        """What `generate` is given for the recording: the extractor's own output."""
        check_unchanged(file)
        return self._features(file, self._wave(file))

    def frames(self, inputs: Mapping[str, Tensor], seconds: float | None = None) -> tuple[SourceToken, ...]:
        """The encoder's frames for a batch of one, of a recording that lasts `seconds`, if that is known."""
        count = self._lengths.of(inputs)
        every = frame_seconds(self._model, self._extractor, inputs[main_input(self._model)], count)
        return frame_tokens(count, every, seconds)

    def _wave(self, file: SourceFile) -> Tensor:
        wave, rate = read_wave(file)
        wave = resample(wave, rate, self._extractor.sampling_rate)
        longest = getattr(self._extractor, "n_samples", None)  # Whisper's reads a window and drops the rest
        if longest is not None and len(wave) > longest:
            has, takes = (each / self._extractor.sampling_rate for each in (len(wave), longest))
            raise file.refused(f"it lasts {has:.2f} s, and the model reads {takes:g} s at a time")
        return wave

    def _features(self, file: SourceFile, wave: Tensor) -> dict[str, Tensor]:
        rate = self._extractor.sampling_rate
        try:
            return dict(self._extractor(wave.numpy(), sampling_rate=rate, return_tensors="pt"))
        except (ValueError, RuntimeError, AssertionError) as error:  # shorter than one window, for example
            raise file.refused(reason_of(error)) from None


def read_wave(file: SourceFile) -> tuple[Tensor, int]:
    """The samples of a recording, its channels mixed to one, and its rate. Raises `source_file`."""
    try:
        import soundfile  # type: ignore[import-untyped]  # noqa: PLC0415 - for this kind of source alone
    except (ImportError, OSError) as error:  # OSError: the library that it wraps is not there
        raise file.refused(f"{error}; `pip install 's2sdap[huggingface]'` brings soundfile") from None
    try:
        with soundfile.SoundFile(file.path) as recording:
            if recording.frames * recording.channels > MAX_SAMPLES:
                raise file.refused(f"it has more than {MAX_SAMPLES} samples")
            samples: Any = recording.read(MAX_SAMPLES, dtype="float32", always_2d=True)
            rate = int(recording.samplerate)
    except (OSError, RuntimeError, ValueError) as error:
        raise file.refused(reason_of(error)) from None
    if not len(samples):
        raise file.refused("it has no samples")
    mixed = np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))
    if not np.isfinite(mixed).all():
        raise file.refused("it has samples that are no numbers")
    return torch.from_numpy(mixed), rate


def frame_tokens(count: int, every: float | None, seconds: float | None) -> tuple[SourceToken, ...]:
    """`count` frames, one each `every` seconds of a recording that lasts `seconds`."""
    return tuple(
        SourceToken(piece, at, piece, None)
        for at, piece in enumerate(_piece(at, every, seconds) for at in range(count))
    )


def _piece(at: int, every: float | None, seconds: float | None) -> str:
    if every is None:
        return f"frame {at}"
    start = at * every
    digits = 2 if math.isclose(every * 100, round(every * 100)) else 3
    past = seconds is not None and start >= seconds
    return f"{start:.{digits}f}s{' (past the end)' if past else ''}"


def frame_seconds(model: PreTrainedModel, extractor: Any, value: Tensor, count: int) -> float | None:
    """The time from one encoder frame to the next, or `None` where no extractor tells the sampling rate.

    `value` is what the encoder reads, of which it makes `count` frames. It is the time between two of its
    steps, times how many of them the encoder's convolutions make into one.
    """
    if extractor is None or not count:
        return None
    if value.dim() < 3:
        step: float = 1 / extractor.sampling_rate
    else:
        hop = getattr(extractor, "hop_length", None)
        step = hop / extractor.sampling_rate if hop else _FRAME_SHIFT
    steps = value.shape[frames_axis(model, value)]
    encoder: nn.Module = model.get_encoder()
    stride = math.prod(module.stride[0] for module in encoder.modules() if isinstance(module, nn.Conv1d))
    # Convolutions at the edges lose a frame or two; more than that, and frames are not made so.
    return step * (stride if abs(steps / stride - count) <= 2 else steps / count)
