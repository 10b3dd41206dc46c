"""Sites: the tensors that a stage shows and lets a person edit.

A site's axes are those of one hypothesis at one step; inside a batched step every decoder site has
a leading `K`. A model that lacks a site does not list it: absent, never faked.
"""

from dataclasses import dataclass
from typing import Final

from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Site:
    """A named tensor: the stage it belongs to, its axis letters (see `axes`) and what it holds."""

    name: str
    stage: Stage
    axes: str
    meaning: str


ENCODER_STATES: Final = "encoder.states"
ENCODER_LAYERS: Final = "encoder.layers"
DECODER_REPEATED: Final = "decoder.repeated"
DECODER_STATE: Final = "decoder.state"
DECODER_LAYERS: Final = "decoder.layers"
DECODER_CELLS: Final = "decoder.cells"
ATTENTION_SCORES: Final = "attention.scores"
ATTENTION_WEIGHTS: Final = "attention.weights"
ATTENTION_CONTEXT: Final = "attention.context"
ATTENTION_CONTEXTS: Final = "attention.contexts"
PREDICTION_FEATURES: Final = "prediction.features"
PREDICTION_GENERATED: Final = "prediction.generated"
PREDICTION_POINTER: Final = "prediction.pointer"
PREDICTION_COPY: Final = "prediction.copy"
PREDICTION_LOGITS: Final = "prediction.logits"
PREDICTION_LOGPROBS: Final = "prediction.logprobs"
SEARCH_CANDIDATES: Final = "search.candidates"

MAY_BE_INFINITE: Final = frozenset(
    {ATTENTION_SCORES, PREDICTION_GENERATED, PREDICTION_LOGITS, PREDICTION_LOGPROBS}
)
"""Sites that may hold a minus infinity: something is masked, or forbidden."""

SITES: Final[dict[str, Site]] = {
    site.name: site
    for site in (
        Site(ENCODER_STATES, Stage.ENCODER, "S D", "one vector a source token, of the top layer"),
        Site(ENCODER_LAYERS, Stage.ENCODER, "L S D", "the same for every encoder layer, bottom first"),
        Site(DECODER_REPEATED, Stage.DECODER, "D", "the vector of the source, given to every step alike"),
        Site(DECODER_STATE, Stage.DECODER, "D", "the state that predicts the token of this step"),
        Site(DECODER_LAYERS, Stage.DECODER, "L D", "the state of every decoder layer, bottom first"),
        Site(DECODER_CELLS, Stage.DECODER, "L D", "the LSTM's memory cell of every decoder layer"),
        Site(ATTENTION_SCORES, Stage.ATTENTION, "L H S", "scores before the softmax"),
        Site(ATTENTION_WEIGHTS, Stage.ATTENTION, "L H S", "after the softmax; sums to 1 over S"),
        Site(ATTENTION_CONTEXT, Stage.ATTENTION, "D", "weighted sum of encoder states, unprojected"),
        Site(ATTENTION_CONTEXTS, Stage.ATTENTION, "L H D", "weighted sum of values, per layer and head"),
        Site(PREDICTION_FEATURES, Stage.PREDICTION, "D", "what the output layer reads"),
        Site(
            PREDICTION_GENERATED,
            Stage.PREDICTION,
            "V",
            "logits of the output layer, before copying is mixed in",
        ),
        Site(
            PREDICTION_POINTER,
            Stage.PREDICTION,
            "S",
            "where a copying attention of its own points; sums to 1",
        ),
        Site(
            PREDICTION_COPY, Stage.PREDICTION, "", "the probability that the token is copied from the source"
        ),
        Site(PREDICTION_LOGITS, Stage.PREDICTION, "V", "as the model gives them"),
        Site(PREDICTION_LOGPROBS, Stage.PREDICTION, "V", "after the generation settings, in nats"),
        Site(SEARCH_CANDIDATES, Stage.SEARCH, "C", "what search looked at, with fate and reason"),
    )
}
