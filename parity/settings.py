"""The generation settings under which every family is held against its own `generate`."""

from typing import Any, Final

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "greedy": {},
    "no cache": {"use_cache": False},
    "temperature": {"do_sample": True, "temperature": 0.7},
    "top-k": {"do_sample": True, "top_k": 5},
    "top-p": {"do_sample": True, "top_p": 0.8},
    "typical": {"do_sample": True, "typical_p": 0.7},
    "min-p": {"do_sample": True, "min_p": 0.05},
    "eta": {"do_sample": True, "eta_cutoff": 0.01},
    "3 samples": {"do_sample": True, "num_return_sequences": 3},
    "beam 2": {"num_beams": 2},
    "beam 3": {"num_beams": 3},
    "beam 4, 3 best": {"num_beams": 4, "num_return_sequences": 3},
    "beam, no cache": {"num_beams": 2, "use_cache": False},
    "length penalty -1": {"num_beams": 3, "length_penalty": -1.0},
    "length penalty 0.6": {"num_beams": 3, "length_penalty": 0.6},
    "length penalty 2": {"num_beams": 3, "length_penalty": 2.0},
    "early stopping": {"num_beams": 3, "early_stopping": True},
    "never stopping early": {"num_beams": 3, "early_stopping": "never", "length_penalty": 1.5},
    "beam sampling": {"num_beams": 3, "do_sample": True, "top_k": 20},
    "several ends": {"num_beams": 2, "eos_token_id": [2, 5, 7, 11, 13, 17, 19, 23]},
    "no repeat": {"num_beams": 2, "no_repeat_ngram_size": 2},
    "repetition penalty": {"repetition_penalty": 1.4},
    "bad words": {"num_beams": 2, "bad_words_ids": [[9], [10, 11], [12]]},
    "forced first and last": {"num_beams": 2, "forced_bos_token_id": 8, "forced_eos_token_id": 2},
    "length 6 to 9": {"min_new_tokens": 6, "max_new_tokens": 9, "num_beams": 2},
    "suppressed": {"suppress_tokens": [9, 10, 11, 12], "begin_suppress_tokens": [14, 15]},
    "renormalised": {"num_beams": 2, "no_repeat_ngram_size": 2, "renormalize_logits": True},
}

SPREAD: Final = (
    "greedy",
    "top-p",
    "beam 4, 3 best",
    "beam sampling",
    "no repeat",
    "several ends",
    "no cache",
)
"""Those that every run of the tests looks at."""
