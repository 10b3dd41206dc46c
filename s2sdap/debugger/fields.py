"""The names that an expression may use, and what they mean. Values come from `field_values`."""

import re
from typing import Final

FIELDS: Final[dict[str, str]] = {
    "token": "the chosen target token, as a piece; before search has chosen, the likeliest",
    "p": "its probability under the settings, 0..1",
    "logp": "its log-probability in nats",
    "rank": "its rank among all tokens, 0 for the likeliest",
    "best": "the likeliest token, as a piece",
    "entropy": "of the distribution over target tokens, in nats",
    "margin": "probability of the likeliest token less that of the second",
    "unknown": "whether the chosen token is the unknown token",
    "step": "the step, 0 for the first target token",
    "stage": "encoder, decoder, attention, prediction or search",
    "sentence": "the sentence's number in the program, 0 for the first",
    "line": "the line of the program that it stands on, 1 for the first",
    "hypothesis": "the id of the hypothesis",
    "score": "its summed log-probability in nats, this step's token included",
    "length": "how many target tokens it has, the end symbol included",
    "finished": "whether it has come to its end with this token",
    "ended": "whether the search of its sentence is over",
    "output": "its target text so far",
    "repeats": "how long the run of tokens is that it ends with and that has come before",
    "source": "the source tokens, as pieces",
    "unknown_source": "the source tokens that the model does not know, as they are written",
    "tokens": "its target tokens so far, as pieces",
    "attention": "this step's attention over the source, averaged over layers and heads",
    "focus": "the position of the most attended source token",
    "focus_run": "how many steps in a row, this one included, have had this focus",
    "special_attention": "the attention on source tokens that stand nowhere in the text: ends, padding",
    "coverage": "the attention each source token has received so far",
    "least_coverage": "the least of it among the words of the source, their tokens added up",
    "reference": "the reference text, or None",
    "reference_token": "the token by which the reference goes on, None where the output has left it",
    "reference_rank": "its rank, 0 for the likeliest; -1 where the output has left the reference",
    "reference_p": "its probability; -1 where the output has left the reference",
    "reference_lost": "whether the reference was in the beam before this step, and is not after it",
    "not_finite": "the first site of this step that holds a NaN or an infinity, or None",
    "copy": "the probability that this step's token is copied from the source, 0..1",
    "logits": "the model's logits of this step",
    "logprobs": "log-probabilities of this step under the settings, in nats",
    "state": "the decoder state that predicts this step's token",
    "context": "the context vector of this step",
    "training_distance": "how far the nearest training state is from the state that predicts this token",
    "training_percentile": "how many of 100 training states have their own nearest less far; 100: like none",
}

LOOKUPS: Final[dict[str, str]] = {
    "prob": 'the probability of a token at this step, given as a piece or `"#12"`',
    "rank_of": "its rank, 0 for the likeliest",
    "attention_at": "the attention of a layer and a head: `attention_at(3, 2)`; None averages over one",
}
"""Functions that look at the step; the others work on what they are given."""

NEIGHBORS: Final = "neighbors"
"""The lookup that stands by itself: `neighbors(state, k=20)`; see `debugger.neighbors.lookups`."""

OF_TRAINING: Final = frozenset({"training_distance", "training_percentile"})
"""Fields that need an index of training states."""

OF_SENTENCE: Final = frozenset({"sentence", "line", "source", "unknown_source", "reference"})
"""Fields that are known when a sentence begins."""

_LOOKUP: Final = re.compile(rf"\s*{NEIGHBORS}\s*\(")


def is_lookup(text: str) -> bool:
    """Whether a text begins as a lookup of neighbours does, and so is no expression."""
    return _LOOKUP.match(text) is not None
