"""A small model that is sound, and one for each way in which a model can be broken."""

from dataclasses import replace

import torch
from torch import nn

from s2sdap.models.adapting import Adapter
from s2sdap.models.contract import untouched
from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig
from s2sdap.vocabulary.positions import Span
from s2sdap.vocabulary.stages import Stage

SIDE = SideConfig(unit="character", lowercase=False, end=False, pieces=(*SPECIAL_PIECES, *"abcdefgh"))
SIZE = 6
LINES = ("abcdefg", "hag")


class Network(nn.Module):
    """Weights that make every step differ from the one before."""

    def __init__(self):
        super().__init__()
        self.read = nn.Embedding(len(SIDE.pieces), SIZE)
        self.written = nn.Embedding(len(SIDE.pieces), SIZE)
        self.cell = nn.GRUCell(SIZE, SIZE)
        self.mix = nn.Linear(2 * SIZE, SIZE)
        self.output = nn.Linear(SIZE, len(SIDE.pieces))
        draw = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-1.5, 1.5, generator=draw)
            self.output.bias[:4] -= 3  # the special tokens


class Sound(Adapter):
    """Attention over embeddings. Each place where something can be broken is a method of its own."""

    sites = (
        "encoder.states",
        "decoder.state",
        "attention.weights",
        "attention.context",
        "prediction.features",
    )

    def __init__(self):
        super().__init__(Network(), "sound", "cpu", source=SIDE, target=SIDE, D=SIZE, L=1, H=1)

    def encode(self, source, probe, /):
        states = self.network.read(torch.tensor([token.id for token in source.tokens]))
        states = probe("encoder.states", states)
        return states, states.mean(dim=0, keepdim=True)

    def begin(self, encoded, /):
        return encoded[1].clone()

    def step(self, encoded, state, tokens, probe, /):
        net = self.network
        state = probe("decoder.state", self.advanced(state, net.written(tokens)))
        weights = self.attended(self.weights(state, self.looked_at(encoded)), probe)
        context = self.with_context(weights[:, -1, -1] @ self.looked_at(encoded), probe)
        features = self.with_features(torch.tanh(net.mix(torch.cat((state, context), dim=-1))), probe)
        return net.output(features), state

    def advanced(self, state, words):
        return self.network.cell(words, state)

    def looked_at(self, encoded):
        return encoded[0]

    def weights(self, state, states):
        return (state @ states.T).softmax(dim=-1)[:, None, None]

    def attended(self, weights, probe):
        return probe("attention.weights", weights)

    def with_context(self, context, probe):
        return probe("attention.context", context)

    def with_features(self, features, probe):
        return probe("prediction.features", features)


class WritesInPlace(Sound):
    def advanced(self, state, words):
        return state.copy_(super().advanced(state, words))


class WritesIntoTheSource(Sound):
    def looked_at(self, encoded):
        return encoded[0].mul_(1.01)


class DrawsAtRandom(Sound):
    def with_features(self, features, probe):
        return super().with_features(features + 1e-6 * torch.rand_like(features), probe)


class CountsCalls(Sound):
    calls = 0

    def with_features(self, features, probe):
        self.calls += 1
        return super().with_features(features + 1e-4 * self.calls, probe)


class SumsToLess(Sound):
    def weights(self, state, states):
        return super().weights(state, states) * 0.9


class WeighsBelowZero(Sound):
    def weights(self, state, states):
        weights = super().weights(state, states)
        return torch.cat((weights[..., :1] - 2, weights[..., 1:2] + 2, weights[..., 2:]), dim=-1)


class LacksAnAxis(Sound):
    def attended(self, weights, probe):
        return probe("attention.weights", weights[:, 0])[:, None]


class LacksTheRows(Sound):
    def with_features(self, features, probe):
        return probe("prediction.features", features[0])[None] if len(features) == 1 else features


class OtherHeads(Sound):
    def attended(self, weights, probe):
        return super().attended(weights.expand(-1, 2, 1, -1), probe)


class ManyLogits(Sound):
    def step(self, encoded, state, tokens, probe, /):
        logits, state = super().step(encoded, state, tokens, probe)
        return logits[:, None], state


class IgnoresTheProbe(Sound):
    def with_context(self, context, probe):
        super().with_context(context, probe)
        return context


class ReadsEditsOtherwise(Sound):
    def with_context(self, context, probe):
        seen = super().with_context(context, probe)
        return seen if seen is context else seen * 1.05


class SpansBeside(Sound):
    def tokenize(self, text, /):
        source = super().tokenize(text)
        moved = (
            replace(token, span=Span(token.span.start + 1, token.span.end + 1)) for token in source.tokens
        )
        return replace(source, tokens=tuple(moved))


class SpansOfOthers(Sound):
    """All inside of the line, in order and of the right length."""

    def tokenize(self, text, /):
        source = super().tokenize(text)
        return replace(source, tokens=tuple(replace(token, span=Span(0, 1)) for token in source.tokens))


class SpansBackwards(Sound):
    def tokenize(self, text, /):
        source = super().tokenize(text)
        spans = [token.span for token in source.tokens][::-1]
        pairs = zip(source.tokens, spans, strict=True)
        return replace(source, tokens=tuple(replace(token, span=span) for token, span in pairs))


class RaisesInAStep(Sound):
    def advanced(self, state, words):
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 3:
            raise ZeroDivisionError("the third step is too much")
        return super().advanced(state, words)


class RaisesInTheEncoder(Sound):
    def encode(self, source, probe, /):
        raise LookupError("cannot read")


class OneRowOnly(Sound):
    def advanced(self, state, words):
        if len(words) > 1:
            raise NotImplementedError("one hypothesis at a time")
        return super().advanced(state, words)


class RemembersTheSource(Sound):
    def encode(self, source, probe, /):
        encoded = super().encode(source, probe)
        self.last = encoded[0]
        return encoded

    def looked_at(self, encoded):
        return self.last


class OtherwiseUnwatched(Sound):
    def step(self, encoded, state, tokens, probe, /):
        logits, state = super().step(encoded, state, tokens, probe)
        return (logits + 1e-3 if probe is untouched else logits), state


class SelectsInItsOwnOrder(Sound):
    def select(self, state, rows, /):
        return super().select(state, rows.sort().values)


class MixesRows(Sound):
    def advanced(self, state, words):
        state = super().advanced(state, words)
        return state + 0.1 * state.mean(dim=0)


class IgnoresTokens(Sound):
    def advanced(self, state, words):
        return super().advanced(state, torch.ones_like(words))


class ProbesMore(Sound):
    def with_features(self, features, probe):
        return super().with_features(probe("decoder.layers", features[:, None])[:, 0], probe)


class ProbesLess(Sound):
    def with_context(self, context, probe):
        return context


class ProbesTwice(Sound):
    def with_context(self, context, probe):
        return super().with_context(super().with_context(context, probe), probe)


class OtherOrder(Sound):
    """Says that attention comes before the decoder."""

    sites = (
        "encoder.states",
        "attention.weights",
        "attention.context",
        "decoder.state",
        "prediction.features",
    )


class NotANumber(Sound):
    def with_context(self, context, probe):
        return (
            super().with_context(context + torch.tensor([torch.nan] + [0.0] * (SIZE - 1)), probe).nan_to_num()
        )


class SearchesFirst(Sound):
    def __init__(self):
        super().__init__()
        stages = (Stage.ENCODER, Stage.SEARCH, Stage.DECODER, Stage.ATTENTION, Stage.PREDICTION)
        self.layout = replace(self.layout, stages=stages)


class UnknownSite(Sound):
    def __init__(self):
        super().__init__()
        self.layout = replace(self.layout, sites=(*self.layout.sites, "prediction.mood"))


class CannotSelect(Sound):
    select = property()  # looks like one that is not there


class NameIsNone(Sound):
    def __init__(self):
        super().__init__()
        self.name = None


class FindsNothing(Sound):
    def __init__(self):
        super().__init__()
        self.target.find = lambda piece: None


class TokenizesAnew(Sound):
    def tokenize(self, text, /):
        self.texts = getattr(self, "texts", 0) + 1
        source = super().tokenize(text)
        return replace(source, tokens=source.tokens[: 1 + self.texts % 2])


BROKEN = {
    WritesInPlace: "snapshots",
    WritesIntoTheSource: "snapshots",
    DrawsAtRandom: "determinism",
    CountsCalls: "determinism",
    SumsToLess: "attention",
    WeighsBelowZero: "attention",
    LacksAnAxis: "shapes",
    LacksTheRows: "shapes",
    OtherHeads: "shapes",
    ManyLogits: "decode",
    IgnoresTheProbe: "edits",
    ReadsEditsOtherwise: "identity",
    SpansBeside: "spans",
    SpansOfOthers: "spans",
    SpansBackwards: "spans",
    RaisesInAStep: "decode",
    RaisesInTheEncoder: "decode",
    RemembersTheSource: "independence",
    OtherwiseUnwatched: "neutrality",
    IgnoresTokens: "choice",
    ProbesMore: "sites",
    ProbesLess: "sites",
    ProbesTwice: "sites",
    OtherOrder: "sites",
    NotANumber: "numbers",
    SearchesFirst: "layout",
    UnknownSite: "layout",
    CannotSelect: "contract",
    NameIsNone: "contract",
    FindsNothing: "vocabulary",
    TokenizesAnew: "tokens",
}
"""Each of them, and the one check that is to catch it."""
