"""Tiny encoder-decoder models that read text."""

from collections.abc import Callable
from typing import Any, Final

import transformers as hf
from transformers import PreTrainedModel

from parity.families_weights import PAD, START, STOP, finished

__all__ = ["BUILDERS"]

IDS: Final[dict[str, Any]] = {
    "pad_token_id": PAD,
    "eos_token_id": STOP,
    "bos_token_id": START,
    "decoder_start_token_id": START,
}
VOCABULARY: Final = 99

BART_LIKE: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
    "forced_eos_token_id": None,
    **IDS,
}
T5_LIKE: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    "d_model": 16,
    "d_kv": 6,  # heads x d_kv is not d_model here, as in real T5s
    "d_ff": 24,
    "num_layers": 3,  # as many in the decoder: transformers sizes the decoder's cache by this number
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 16,
    **IDS,
}


def _marian() -> PreTrainedModel:
    config = hf.MarianConfig(**BART_LIKE, scale_embedding=True)
    last = VOCABULARY - 1
    return finished(hf.MarianMTModel(config), forced_eos_token_id=STOP, bad_words_ids=[[PAD], [last]])


def _bart() -> PreTrainedModel:
    return finished(hf.BartForConditionalGeneration(hf.BartConfig(**BART_LIKE)), forced_bos_token_id=START)


def _mbart() -> PreTrainedModel:
    return finished(hf.MBartForConditionalGeneration(hf.MBartConfig(**BART_LIKE)), forced_bos_token_id=7)


def _m2m100() -> PreTrainedModel:
    return finished(hf.M2M100ForConditionalGeneration(hf.M2M100Config(**BART_LIKE)), forced_bos_token_id=8)


def _pegasus() -> PreTrainedModel:
    return finished(
        hf.PegasusForConditionalGeneration(hf.PegasusConfig(**BART_LIKE)), decoder_start_token_id=PAD
    )


def _blenderbot() -> PreTrainedModel:
    return finished(hf.BlenderbotForConditionalGeneration(hf.BlenderbotConfig(**BART_LIKE)))


def _pegasus_x() -> PreTrainedModel:
    config = hf.PegasusXConfig(**BART_LIKE, num_global_tokens=2, block_size=4)
    return finished(hf.PegasusXForConditionalGeneration(config))


def _t5() -> PreTrainedModel:
    return finished(hf.T5ForConditionalGeneration(hf.T5Config(**T5_LIKE)), decoder_start_token_id=PAD)


def _mt5() -> PreTrainedModel:
    config = hf.MT5Config(**T5_LIKE, tie_word_embeddings=False)
    return finished(hf.MT5ForConditionalGeneration(config), decoder_start_token_id=PAD)


def _umt5() -> PreTrainedModel:
    config = hf.UMT5Config(**T5_LIKE)
    return finished(hf.UMT5ForConditionalGeneration(config), decoder_start_token_id=PAD)


def _longt5() -> PreTrainedModel:
    config = hf.LongT5Config(**T5_LIKE, local_radius=3)  # 9 source tokens fill no whole number of blocks
    return finished(hf.LongT5ForConditionalGeneration(config), decoder_start_token_id=PAD)


def _t5gemma() -> PreTrainedModel:
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 6,
        "max_position_embeddings": 64,
        "query_pre_attn_scalar": 6,
        "sliding_window": 5,
        "pad_token_id": PAD,
        "eos_token_id": STOP,
        "bos_token_id": START,
    }
    config = hf.T5GemmaConfig(
        encoder=sizes | {"num_hidden_layers": 2},
        decoder=sizes | {"num_hidden_layers": 3},
        vocab_size=VOCABULARY,
    )
    return finished(hf.T5GemmaForConditionalGeneration(config))


def _led() -> PreTrainedModel:
    sizes = {key: value for key, value in BART_LIKE.items() if key not in {"max_position_embeddings"}}
    config = hf.LEDConfig(
        **sizes, attention_window=4, max_encoder_position_embeddings=64, max_decoder_position_embeddings=64
    )
    return finished(hf.LEDForConditionalGeneration(config))


def _prophetnet() -> PreTrainedModel:
    config = hf.ProphetNetConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_encoder_layers=3,
        num_decoder_layers=3,
        num_encoder_attention_heads=2,
        num_decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_position_embeddings=64,
        num_buckets=8,
        relative_max_distance=16,
        **IDS,
    )
    return finished(hf.ProphetNetForConditionalGeneration(config))


def _fsmt() -> PreTrainedModel:
    sizes = {key: value for key, value in BART_LIKE.items() if key != "vocab_size"}
    config = hf.FSMTConfig(**sizes, langs=["en", "de"], src_vocab_size=87, tgt_vocab_size=VOCABULARY)
    return finished(hf.FSMTForConditionalGeneration(config))


def _encoder_decoder() -> PreTrainedModel:
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 64,
        "pad_token_id": PAD,
    }
    encoder = hf.BertConfig(**sizes)
    decoder = hf.BertConfig(**sizes, is_decoder=True, add_cross_attention=True)
    config = hf.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, **IDS)
    return finished(hf.EncoderDecoderModel(config))


BUILDERS: Final[dict[str, Callable[[], PreTrainedModel]]] = {
    "marian": _marian,
    "bart": _bart,
    "mbart": _mbart,
    "m2m100": _m2m100,
    "pegasus": _pegasus,
    "blenderbot": _blenderbot,
    "t5": _t5,
    "mt5": _mt5,
    "umt5": _umt5,
    "t5gemma": _t5gemma,
    "led": _led,
    "longt5": _longt5,
    "prophetnet": _prophetnet,
    "fsmt": _fsmt,
    "encoder-decoder": _encoder_decoder,
    "pegasus-x": _pegasus_x,
}
