"""The names that an expression may use, and what they mean. Values come from `frames`."""

from typing import Final

FIELDS: Final[dict[str, str]] = {
    "token": "the chosen target token, as a piece; before search has chosen, the likeliest",
    "p": "its probability under the settings, 0..1",
    "logp": "its log-probability in nats",
    "rank": "its rank among all tokens, 0 for the likeliest",
    "best": "the likeliest token, as a piece",
    "entropy": "of the distribution over target tokens, in nats",
    "margin": "probability of the likeliest token less that of the second",
    "step": "the step, 0 for the first target token",
    "stage": "encoder, decoder, attention, prediction or search",
    "sentence": "the sentence's number in the program, 0 for the first",
    "line": "the line of the program that it stands on, 1 for the first",
    "hypothesis": "the id of the hypothesis",
    "score": "its summed log-probability in nats, this step's token included",
    "output": "its target text so far",
    "source": "the source tokens, as pieces",
    "tokens": "its target tokens so far, as pieces",
    "attention": "this step's attention over the source, averaged over layers and heads",
    "focus": "the position of the most attended source token",
    "coverage": "the attention each source token has received so far",
    "reference": "the reference text, or None",
    "logits": "the model's logits of this step",
    "logprobs": "log-probabilities of this step under the settings, in nats",
    "state": "the decoder state that predicts this step's token",
    "context": "the context vector of this step",
}
