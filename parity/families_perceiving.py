"""Tiny models that listen or look: speech to text, and image to text."""

from collections.abc import Callable
from typing import Any, Final

import torch
import transformers as hf
from torch import Tensor
from transformers import PreTrainedModel

from parity.families_weights import PAD, START, STOP, finished

__all__ = ["SPEECH", "VISION", "inputs_of"]

IDS: Final[dict[str, Any]] = {
    "pad_token_id": PAD,
    "eos_token_id": STOP,
    "bos_token_id": START,
    "decoder_start_token_id": START,
}
SIZES: Final[dict[str, Any]] = {
    "vocab_size": 99,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    **IDS,
}


def _whisper() -> PreTrainedModel:
    config = hf.WhisperConfig(
        **SIZES,
        num_mel_bins=8,
        max_source_positions=14,
        max_target_positions=48,
        begin_suppress_tokens=None,
    )
    return finished(
        hf.WhisperForConditionalGeneration(config),
        suppress_tokens=[5, 6],
        begin_suppress_tokens=[7, STOP],
        is_multilingual=False,
        no_timestamps_token_id=80,
    )


def _moonshine() -> PreTrainedModel:
    config = hf.MoonshineConfig(
        vocab_size=99,
        hidden_size=32,
        intermediate_size=24,
        encoder_num_hidden_layers=2,
        decoder_num_hidden_layers=3,
        encoder_num_attention_heads=4,
        decoder_num_attention_heads=4,
        decoder_num_key_value_heads=2,
        max_position_embeddings=64,
        **IDS,
    )
    return finished(hf.MoonshineForConditionalGeneration(config))


def _speech2text() -> PreTrainedModel:
    config = hf.Speech2TextConfig(
        **SIZES,
        input_feat_per_channel=8,
        input_channels=1,
        conv_channels=16,
        max_source_positions=64,
        max_target_positions=48,
    )
    return finished(hf.Speech2TextForConditionalGeneration(config))


def _vit(width: int) -> hf.ViTConfig:
    return hf.ViTConfig(
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        image_size=12,
        patch_size=4,
    )


def _trocr() -> PreTrainedModel:
    decoder = hf.TrOCRConfig(
        vocab_size=99,
        d_model=16,
        decoder_layers=3,
        decoder_attention_heads=4,
        decoder_ffn_dim=24,
        max_position_embeddings=48,
        cross_attention_hidden_size=24,
        is_decoder=True,
        add_cross_attention=True,
        **IDS,
    )
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(_vit(24), decoder, **IDS)
    return finished(hf.VisionEncoderDecoderModel(config))


def _vision_encoder_decoder() -> PreTrainedModel:
    decoder = hf.GPT2Config(
        vocab_size=99,
        n_embd=16,
        n_layer=3,
        n_head=4,
        n_positions=48,
        add_cross_attention=True,
        is_decoder=True,
        bos_token_id=START,
        eos_token_id=STOP,
        pad_token_id=PAD,
    )
    # The encoder is wider than the decoder, so that the model projects between them.
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(_vit(24), decoder, **IDS)
    return finished(hf.VisionEncoderDecoderModel(config))


SPEECH: Final[dict[str, Callable[[], PreTrainedModel]]] = {
    "whisper": _whisper,
    "moonshine": _moonshine,
    "speech2text": _speech2text,
}
VISION: Final[dict[str, Callable[[], PreTrainedModel]]] = {
    "trocr": _trocr,
    "vision-encoder-decoder": _vision_encoder_decoder,
}

WAVE_SAMPLES: Final = 6400
FRAMES: Final = 30


def inputs_of(name: str, model: PreTrainedModel, batch: int, drawn: torch.Generator) -> dict[str, Tensor]:
    """Random recordings or images for `generate`; the further recordings of a batch are shorter."""
    if name == "whisper":
        frames = 2 * model.config.max_source_positions  # Whisper reads windows of a fixed length
        return {"input_features": torch.randn(batch, model.config.num_mel_bins, frames, generator=drawn)}
    if name == "moonshine":
        return _padded("input_values", torch.randn(batch, WAVE_SAMPLES, generator=drawn), 1600)
    if name == "speech2text":
        width = model.config.input_feat_per_channel
        return _padded("input_features", torch.randn(batch, FRAMES, width, generator=drawn), 7)
    side = model.config.encoder.image_size
    return {"pixel_values": torch.randn(batch, 3, side, side, generator=drawn)}


def _padded(argument: str, values: Tensor, shorter: int) -> dict[str, Tensor]:
    """Rows of which the b-th ends `b * shorter` earlier, and the mask that says so."""
    mask = torch.ones(values.shape[:2], dtype=torch.long)
    for row in range(1, len(values)):
        end = max(values.shape[1] - row * shorter, values.shape[1] // 3)
        values[row, end:] = 0
        mask[row, end:] = 0
    return {argument: values, "attention_mask": mask}
