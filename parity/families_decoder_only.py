"""Tiny decoder-only models: the prompt is the source."""

from collections.abc import Callable
from typing import Any, Final

import transformers as hf
from transformers import PreTrainedModel

from parity.families_weights import PAD, START, STOP, finished

__all__ = ["BUILDERS"]

IDS: Final[dict[str, Any]] = {"pad_token_id": PAD, "eos_token_id": STOP, "bos_token_id": START}
WINDOW: Final = 6
"""The sliding window of those that have one: a source of 9 tokens is longer already."""

LLAMA_LIKE: Final[dict[str, Any]] = {
    "vocab_size": 99,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    **IDS,
}


def _gpt2() -> PreTrainedModel:
    config = hf.GPT2Config(vocab_size=99, n_embd=16, n_layer=3, n_head=4, n_positions=64, **IDS)
    return finished(hf.GPT2LMHeadModel(config))


def _llama() -> PreTrainedModel:
    return finished(hf.LlamaForCausalLM(hf.LlamaConfig(**LLAMA_LIKE)))


def _mistral() -> PreTrainedModel:
    return finished(hf.MistralForCausalLM(hf.MistralConfig(**LLAMA_LIKE, head_dim=6, sliding_window=WINDOW)))


def _qwen2() -> PreTrainedModel:
    return finished(hf.Qwen2ForCausalLM(hf.Qwen2Config(**LLAMA_LIKE)))


def _qwen3() -> PreTrainedModel:
    return finished(hf.Qwen3ForCausalLM(hf.Qwen3Config(**LLAMA_LIKE, head_dim=6)))


def _gemma() -> PreTrainedModel:
    sizes = LLAMA_LIKE | {"num_key_value_heads": 1}
    return finished(hf.GemmaForCausalLM(hf.GemmaConfig(**sizes, head_dim=6)))


def _gemma2() -> PreTrainedModel:
    config = hf.Gemma2Config(**LLAMA_LIKE, head_dim=6, query_pre_attn_scalar=6, sliding_window=WINDOW)
    return finished(hf.Gemma2ForCausalLM(config))


def _gemma3() -> PreTrainedModel:
    config = hf.Gemma3TextConfig(
        **LLAMA_LIKE,
        head_dim=6,
        query_pre_attn_scalar=6,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    )
    return finished(hf.Gemma3ForCausalLM(config))


def _opt() -> PreTrainedModel:
    config = hf.OPTConfig(
        vocab_size=99,
        hidden_size=16,
        ffn_dim=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        word_embed_proj_dim=12,  # narrower than the layers, so that the state is projected before the output
        max_position_embeddings=64,
        **IDS,
    )
    return finished(hf.OPTForCausalLM(config))


def _gpt_oss() -> PreTrainedModel:
    config = hf.GptOssConfig(
        **LLAMA_LIKE,
        head_dim=6,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        num_local_experts=3,
        num_experts_per_tok=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    return finished(hf.GptOssForCausalLM(config))


def _bloom() -> PreTrainedModel:
    return finished(
        hf.BloomForCausalLM(hf.BloomConfig(vocab_size=99, hidden_size=16, n_layer=3, n_head=4, **IDS))
    )


def _qwen3_next() -> PreTrainedModel:
    sizes = LLAMA_LIKE | {"num_hidden_layers": 4}
    config = hf.Qwen3NextConfig(
        **sizes,
        head_dim=8,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        moe_intermediate_size=12,
        shared_expert_intermediate_size=12,
        num_experts=3,
        num_experts_per_tok=2,
        layer_types=["linear_attention", "full_attention", "linear_attention", "full_attention"],
    )
    return finished(hf.Qwen3NextForCausalLM(config))


BUILDERS: Final[dict[str, Callable[[], PreTrainedModel]]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "mistral": _mistral,
    "opt": _opt,
    "gpt-oss": _gpt_oss,
    "bloom": _bloom,
    "qwen3-next": _qwen3_next,
}
