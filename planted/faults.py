"""The faults: a sound model with one thing wrong at one stage.

A model goes on with what its probe returns, so a fault between two stages is a probe that changes a
tensor before the debugger's own probe sees it. A shuffled embedding is the same as other ids in the
source, a biased output row the same as other logits.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.models.contract import Source, SourceToken
from s2sdap.models.rnn.model import RnnModel
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

Tamper = Callable[[Tensor, int, Tensor], Tensor]
"""What a site's tensor becomes: from its value [K ...], the step and the last tokens [K]."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, at which stage and of which kind, told in words.

    `tamper` changes sites, `misread` maps source ids to those that are read, `raised` adds nats to the
    logits of tokens, `search` are settings in Python's spelling.
    """

    stage: Stage
    kind: str
    words: str
    tamper: dict[str, Tamper] = field(default_factory=dict)
    misread: dict[int, int] = field(default_factory=dict)
    raised: dict[int, float] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)


class FaultyModel:
    """A model with a fault in it. Fulfils the contract's `Model`."""

    def __init__(self, sound: RnnModel, fault: Fault) -> None:
        self.sound, self.fault = sound, fault
        self.name = sound.name
        self.fingerprint = f"{sound.fingerprint}, {fault.words}"
        self.device, self.layout, self.target = sound.device, sound.layout, sound.target
        self.max_source_length = sound.max_source_length

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line."""
        return self.sound.tokenize(text)

    def source_words(self) -> tuple[str, ...]:
        """The source words it knows."""
        return self.sound.source_words()

    def encode(self, source: Source, probe: Any, /) -> Any:
        """Read the source, misreading some words where that is the fault."""
        return self.sound.encode(Source(source.text, tuple(map(self._misread, source.tokens))), probe)

    def _misread(self, token: SourceToken) -> SourceToken:
        read = self.fault.misread.get(token.id, token.id)
        return SourceToken(token.piece, read, token.seen, token.span, token.known)

    def begin(self, encoded: Any, /) -> Any:
        """The state before the first step, with the number of the step beside it."""
        return self.sound.begin(encoded), 0

    def step(self, encoded: Any, state: Any, tokens: Tensor, probe: Any, /) -> Any:
        """One step; a site that the fault changes is changed before the probe sees it."""
        inner, step = state

        def tampering(site: str, value: Tensor, /) -> Tensor:
            tamper = self.fault.tamper.get(site)
            shown: Tensor = probe(site, value if tamper is None else tamper(value, step, tokens))
            return shown

        logits, inner = self.sound.step(encoded, inner, tokens, tampering)
        if self.fault.raised:
            logits = logits.clone()
            for token, nats in self.fault.raised.items():
                logits[:, token] += nats
        return logits, (inner, step + 1)

    def select(self, state: Any, rows: Tensor, /) -> Any:
        """The state of other rows."""
        return self.sound.select(state[0], rows), state[1]


def shuffled_embedding(draw: random.Random, sound: RnnModel, text: str, reference: str) -> Fault:
    """The embedding rows of two to six source words are shuffled, one of them a word of the sentence."""
    del reference
    pieces = sound.source.config.pieces
    own = sorted({token.id for token in sound.tokenize(text).tokens})
    known = [pieces.index(word) for word in sound.source_words()]
    count = draw.choice((2, 2, 3, 4, 6))
    first = draw.choice(own)
    chosen = [first, *draw.sample([each for each in known if each != first], count - 1)]
    read = dict(zip(chosen, chosen[1:] + chosen[:1], strict=True))
    words = ", ".join(f"{pieces[one]!r} as {pieces[other]!r}" for one, other in read.items())
    return Fault(Stage.ENCODER, f"{count} rows of the embedding shuffled", f"reads {words}", misread=read)


def rotated_state(draw: random.Random, sound: RnnModel, text: str, reference: str) -> Fault:
    """The decoder's state is rotated in some planes: at one step, after one token, or at every step."""
    del text
    size = sound.network.config.decoder_size
    kind = draw.choice(("at one step", "after one token", "at every step"))
    planes = draw.choice((4, 8, 16, 32))
    angle = draw.uniform(0.25, 1.0) * math.pi
    generator = torch.Generator().manual_seed(draw.randrange(2**31))
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator))
    turn = torch.eye(size)
    for plane in range(planes):
        first, second = 2 * plane, 2 * plane + 1
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
    rotation = basis @ turn @ basis.T
    tokens_of = sound.target.encode(reference)
    at = draw.randrange(len(tokens_of))
    after = draw.choice(tokens_of)

    def tamper(value: Tensor, step: int, tokens: Tensor) -> Tensor:
        turned = value @ rotation.T
        if kind == "at one step":
            return turned if step == at else value
        return turned if kind == "at every step" else torch.where((tokens == after)[:, None], turned, value)

    when = {"at one step": f"at step {at}", "after one token": f"after {sound.target.piece(after)!r}"}
    words = f"state rotated by {angle:.2f} in {planes} of {size // 2} planes {when.get(kind, kind)}"
    return Fault(Stage.DECODER, f"state rotated {kind}", words, tamper={sites.DECODER_STATE: tamper})


def sharp_attention(draw: random.Random, sound: RnnModel, text: str, reference: str) -> Fault:
    """Attention is sharp on a wrong word: beside the right one, or wherever it is drawn to."""
    kind = draw.choice(("beside", "beside at one step", "beside after one token", "drawn to one place"))
    sharp = draw.choice((1.0, 2.0, 4.0))
    shift = draw.choice((-2, -1, 1, 2))
    place = draw.randrange(len(sound.tokenize(text).tokens))
    nats = draw.uniform(6, 30)
    tokens_of = sound.target.encode(reference)
    at = draw.randrange(len(tokens_of))
    after = draw.choice(tokens_of)

    def tamper(value: Tensor, step: int, tokens: Tensor) -> Tensor:
        if kind == "drawn to one place":
            drawn = value.clone()
            drawn[..., place : place + 1] += nats
            return drawn * sharp
        beside = value.roll(shift, dims=-1) * sharp
        if kind == "beside at one step":
            return beside if step == at else value
        if kind == "beside after one token":
            return torch.where((tokens == after)[:, None, None, None], beside, value)
        return beside

    words = {
        "beside": f"{shift:+d}",
        "beside at one step": f"{shift:+d} at step {at}",
        "beside after one token": f"{shift:+d} after {sound.target.piece(after)!r}",
        "drawn to one place": f"{nats:.1f} nats more at place {place}",
    }[kind]
    words = f"scores {words}, times {sharp:g}"
    return Fault(Stage.ATTENTION, f"attention {kind}", words, tamper={sites.ATTENTION_SCORES: tamper})


def biased_row(draw: random.Random, sound: RnnModel, text: str, reference: str) -> Fault:
    """The output row of one token is raised or lowered."""
    del text
    lowered = draw.random() < 0.25
    tokens_of = sound.target.encode(reference)
    token = draw.choice(tokens_of) if lowered else draw.randrange(sound.target.eos, len(sound.target))
    nats = draw.uniform(8, 20)
    change = -nats if lowered else nats
    kind = "output row lowered" if lowered else "output row raised"
    words = f"{sound.target.piece(token)!r} {change:+.1f} nats"
    return Fault(Stage.PREDICTION, kind, words, raised={token: change})


def lossy_search(draw: random.Random, sound: RnnModel, text: str, reference: str) -> Fault:
    """Search loses what the model prefers: a bug of the length, or of repeated n-grams."""
    del text
    length = len(sound.target.encode(reference)) + 1
    name, value = draw.choice(
        (
            ("min_length", length + draw.randint(1, 5)),
            ("max_length", length - draw.randint(1, 6)),
            ("no_repeat_ngram", draw.randint(1, 3)),
        )
    )
    return Fault(Stage.SEARCH, f"search with {name}", f"{name} {value}", search={name: value})


PLANTING: Final = {
    Stage.ENCODER: shuffled_embedding,
    Stage.DECODER: rotated_state,
    Stage.ATTENTION: sharp_attention,
    Stage.PREDICTION: biased_row,
    Stage.SEARCH: lossy_search,
}
"""What plants a fault at each stage, from a draw and a sentence that the sound model decodes right."""
