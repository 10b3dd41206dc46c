"""Frames: what one line of the call stack stands for, and the values that can be read there.

A frame is a stage of one step for one hypothesis, or the encoder. It points at records, which never
change, so a frame can be read at any time and from any thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from s2sdap.debugger import measures
from s2sdap.debugger.measures import plain
from s2sdap.debugger.parts import StagePart
from s2sdap.debugger.program import Sentence
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, StepRecord
from s2sdap.models.contract import Described
from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span
from s2sdap.vocabulary.stages import Stage

if TYPE_CHECKING:
    from s2sdap.debugger.descriptions import Description


class Training(Protocol):
    """What a session knows of the model's training, where it has an index of it."""

    @property
    def problem(self) -> S2sdapError | None:
        """Why there is nothing to ask; `None` where there is."""
        ...

    def nearest(self, frame: "Frame", /) -> tuple[float, float]:
        """How far the nearest training state is, and its percentile, 0..100; see `training`."""
        ...

    def state_of(self, frame: "Frame", site: str, at: tuple[int | None, ...], number: int, /) -> list[float]:
        """The numbers of a neighbour of the tensor at a site, `at` running over its leading axes."""
        ...

    def scope_items(self, frame: "Frame", /) -> "list[Description]":
        """What the scope of neighbours shows at a frame."""
        ...


def no_index(model: Described, reason: str = "none was named") -> S2sdapError:
    """Why nothing can be said of training, and what to do."""
    return S2sdapError("no_index", reason=reason, model=model.name)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One stage of one step, seen from one hypothesis; the encoder's frame has no record.

    `row` is the hypothesis' row in the record's batch; `chosen` the hypothesis with this step's
    token, `None` until search has chosen; `records` are the steps up to this one. With a `part` the
    stage has come so far only.
    """

    decode: Plan
    sentence: Sentence
    branch: int
    stage: Stage
    encoder: EncoderRecord
    records: Sequence[StepRecord]
    record: StepRecord | None
    row: int
    chosen: Hypothesis | None
    training: Training | None = None
    part: StagePart | None = None

    @property
    def step(self) -> int:
        """The step, -1 for the encoder."""
        return -1 if self.record is None else self.record.step

    @property
    def before(self) -> Hypothesis:
        """The hypothesis as it stood before this step."""
        live = (self.encoder.after if self.record is None else self.record.before).live
        return live[self.row]

    @property
    def hypothesis(self) -> Hypothesis:
        """The hypothesis as it stands at this frame: with its new token once search chose it."""
        return self.chosen or self.before

    @property
    def source(self) -> Source:
        """The source of this hypothesis; a batch has several."""
        return self.encoder.of(self.before.sentence)[0]

    @property
    def attended(self) -> tuple[SourceToken, ...]:
        """The tokens that attention is over: the source, and without an encoder the output so far."""
        tokens = self.source.tokens
        if Stage.ENCODER in self.decode.model.layout.stages:
            return tokens
        written = ((self.piece(token), token) for token in self.before.tokens)
        return (*tokens, *(SourceToken(piece, token, piece, None) for piece, token in written))

    def has(self, site: str) -> bool:
        """Whether the model has `site` and this frame's stage has come to it."""
        if self.part is not None and site in self.part.pending:
            return False
        return site in self.encoder.of(self.before.sentence)[1] or self._computed(site)

    def _computed(self, site: str) -> bool:
        """Whether `site` is one of its step's, and its stage has come to it."""
        if self.record is None or site not in self.record.sites:
            return False
        if self.part is not None and site in self.part.pending:
            return False
        if self.stage is Stage.SEARCH:  # the last
            return True
        stages = self.decode.model.layout.stages
        return stages.index(sites.SITES[site].stage) <= stages.index(self.stage)

    def site_or_none(self, site: str) -> Tensor | None:
        """The tensor at `site` for this hypothesis, without the K axis; `None` where absent.

        Where a site comes layer by layer, it is those that have come.
        """
        part = self.part
        if part is not None and part.name == site and part.layer is not None:
            whole = self.encoder.of(self.before.sentence)[1] if self.record is None else self.record.sites
            value = whole[site] if self.record is None else whole[site][self.row]
            return value[: part.layer + 1]
        if part is not None and site in part.pending:
            return None
        if self.record is not None and self._computed(site):
            return self.record.sites[site][self.row]
        return self.encoder.of(self.before.sentence)[1].get(site)

    def site(self, site: str) -> Tensor:
        """The tensor at `site`; raises `no_such_site`, `site_missing` or `not_yet`."""
        value = self.site_or_none(site)
        if value is None:
            layout = self.decode.model.layout
            known = (*layout.sites, sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS)
            why = dict(layout.missing).get(site)
            if why is not None:
                raise S2sdapError("site_missing", site=site, reason=why)
            raise S2sdapError("not_yet" if site in known else "no_such_site", site=site, stage=self.stage)
        return value

    @property
    def token(self) -> int:
        """The chosen token; before search chose, the likeliest."""
        if self.chosen is not None:
            return self.chosen.token
        return int(self.site(sites.PREDICTION_LOGPROBS).argmax())

    @property
    def logprob(self) -> float:
        """The log-prob of `token` in nats."""
        if self.chosen is not None:
            return self.chosen.logprob
        return float(self.site(sites.PREDICTION_LOGPROBS)[self.token])

    def attention(self, layer: int | None = None, head: int | None = None) -> Tensor:
        """Attention over the source [S] of a layer and head; `None` averages over them."""
        return attention_of(self.site(sites.ATTENTION_WEIGHTS), layer, head)

    def attention_matrix(self, layer: int | None = None, head: int | None = None) -> Tensor:
        """Attention [T, S] of every step of this hypothesis up to here.

        Where attention is over the output as well, S is that of the last step.
        """
        name = sites.ATTENTION_WEIGHTS
        found: list[tuple[Tensor, int]] = []
        if self.record is not None and self.chosen is None and self._computed(name):
            found.append((self.record.sites[name], self.row))
        for node in self.hypothesis.path():
            weights = self.records[node.step].sites.get(name)
            if weights is not None:
                found.append((weights, node.row))
        if not found:
            return torch.zeros(0, len(self.source.tokens))
        found.reverse()
        shapes = {weights.shape[1:] for weights, _ in found}
        if layer is head is None and len(shapes) == 1 and shapes.pop()[:2] == (1, 1):  # all there is
            together = torch.cat([weights for weights, _ in found]).flatten(0, 2)
            if len(together) == len(found):
                return together
            firsts = accumulate((len(weights) for weights, _ in found), initial=0)
            return together[[first + row for first, (_, row) in zip(firsts, found, strict=False)]]
        rows = [attention_of(weights[row], layer, head) for weights, row in found]
        width = max(len(row) for row in rows)
        return torch.stack([functional.pad(row, (0, width - len(row))) for row in rows])

    def focus(self, layer: int | None = None, head: int | None = None) -> int | None:
        """The position of the most attended source token, `None` without attention."""
        if self.record is not None and self._computed(sites.ATTENTION_WEIGHTS):
            return focus_of(self.record.sites[sites.ATTENTION_WEIGHTS], self.row, layer, head)
        return None

    def focus_run(self, layer: int | None = None, head: int | None = None) -> int:
        """How many steps in a row, this one included, this hypothesis has had its focus; 0 without one."""
        focus = self.focus(layer, head)
        return 0 if focus is None else focus_run(self.records, self.before, focus, layer, head)

    def span(self) -> Span | None:
        """Where the most attended source token stands in the line."""
        focus = self.focus()
        return None if focus is None else self.attended[focus].span

    def piece(self, token: int) -> str:
        """How a target token is written."""
        return self.decode.model.target.piece(token)

    def top_tokens(self, count: int) -> list[tuple[int, float]]:
        """The likeliest tokens of this step with their log-probs."""
        return measures.top_tokens(self.site(sites.PREDICTION_LOGPROBS), count)


def focus_of(weights: Float[Tensor, "K L H S"], row: int, layer: int | None, head: int | None) -> int:
    """The position that attention weights of a hypothesis are largest at."""
    if weights.shape[1] != 1 or weights.shape[2] != 1:
        return int(attention_of(weights[row], layer, head).argmax())
    if weights.numel() <= measures.SHORT:  # and nothing to average over
        found = measures.place_of_largest(weights.tolist()[row][0][0])
        if found is not None:
            return found
    return int(plain(weights)[row, 0, 0].argmax())


def focus_run(
    records: Sequence[StepRecord],
    before: Hypothesis | None,
    focus: int,
    layer: int | None = None,
    head: int | None = None,
) -> int:
    """How many steps in a row have had this focus: one, and those that led to `before` it."""
    count = 1
    while before is not None and before.parent is not None:
        weights = records[before.step].sites.get(sites.ATTENTION_WEIGHTS)
        if weights is None or focus_of(weights, before.row, layer, head) != focus:
            break
        count += 1
        before = before.parent
    return count


def attention_of(weights: Float[Tensor, "L H S"], layer: int | None, head: int | None) -> Float[Tensor, "S"]:
    """One row of attention weights: of a layer and head, or averaged over those left `None`."""
    for name, index, count in (("layer", layer, weights.shape[0]), ("head", head, weights.shape[1])):
        if index is not None and not 0 <= index < count:
            raise S2sdapError(
                "bad_value", value=index, name=name, reason=f"there are {count}", expected="a lower number"
            )
    if weights.shape[0] == weights.shape[1] == 1:  # nothing to average over
        return weights[0, 0]
    heads = weights.mean(dim=0) if layer is None else weights[layer]
    return heads.mean(dim=0) if head is None else heads[head]


def frames(
    decode: Plan,
    sentence: Sentence,
    branch: int,
    encoder: EncoderRecord,
    records: Sequence[StepRecord],
    position: tuple[int, Stage],
    hypothesis: Hypothesis,
    training: Training | None = None,
) -> list[Frame]:
    """The call stack of a hypothesis at a position: newest first, the encoder last."""
    make = partial(Frame, decode, sentence, branch, training=training)
    step, stage = position
    stack: list[Frame] = []
    known = records[
        : step + 1
    ]  # one for the whole stack: a slice a frame would cost the square of its length
    if step >= 0 and stage is not Stage.SEARCH:
        row = records[step].before.live.index(hypothesis)
        stack.append(make(stage, encoder, known, records[step], row, None))
    stack += [
        make(Stage.SEARCH, encoder, known, records[node.step], node.row, node) for node in hypothesis.path()
    ]
    if Stage.ENCODER in decode.model.layout.stages:
        stack.append(make(Stage.ENCODER, encoder, (), None, 0, None))
    return stack
