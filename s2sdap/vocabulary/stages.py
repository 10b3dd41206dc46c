"""The five stages of a step, S1 to S5 of Seq2Seq-Vis (Strobelt et al. 2018)."""

from enum import StrEnum


class Stage(StrEnum):
    """A stage of the decode. The encoder runs once a sentence, the others once a step.

    A model lists the stages that it has, in the order in which it computes them: attention that is
    asked with the previous state (Bahdanau et al. 2014) comes before the decoder, attention that is
    asked with the new one (Luong et al. 2015) after it.
    """

    ENCODER = "encoder"
    DECODER = "decoder"
    ATTENTION = "attention"
    PREDICTION = "prediction"
    SEARCH = "search"
