"""Training: teacher forcing with Adam, one epoch at a time, resumable to the bit.

A `Trainer` holds what changes while a network learns. Everything random (first weights, order of
the examples, dropout) is drawn from torch's generator, whose state is saved with the rest after an
epoch; so on the same machine the same seed gives the same weights, whether or not the training was
interrupted. Use one torch thread: on a small machine two of them wait for each other by spinning, which
costs processor time (`python -m benchmarks training`), and with one the sums keep their order.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from s2sdap.models.contract import untouched
from s2sdap.models.extended import ExtendedTokens
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.copying import SourceWords
from s2sdap.models.rnn.network import RnnNetwork
from s2sdap.models.rnn.training_state import read_state, write_state
from s2sdap.models.tokenizers import BEGIN, END, PAD, UNKNOWN, SideConfig, SourceTokenizer, TargetTokens
from s2sdap.vocabulary.errors import S2sdapError

_POOL = 50
"""Batches whose examples are sorted by their two lengths together, so that little is padded."""


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network is fitted. The learning rate falls linearly to a twentieth over the epochs."""

    epochs: Annotated[int, msgspec.Meta(ge=1)] = 10
    batch_size: Annotated[int, msgspec.Meta(ge=1)] = 64
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0)] = 2e-3
    gradient_norm: Annotated[float, msgspec.Meta(gt=0.0)] = 1.0
    seed: int = 1


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a training but the examples; a resumed run must have the same plan."""

    network: RnnConfig
    source: SideConfig
    target: SideConfig
    settings: TrainingSettings


class Example(NamedTuple):
    """A sentence pair as ids: the source as the model reads it, the target without begin and end.

    `copies` is what each source token is copied as, where the network copies; see `models.extended`.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    copies: tuple[int, ...] = ()


class EpochReport(msgspec.Struct, frozen=True):
    """What one epoch came to: mean loss in nats a target token, and its wall-clock seconds."""

    epoch: int
    loss: float
    seconds: float
    learning_rate: float
    exact_match: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded sentence pairs. `inputs` begins with the begin symbol, `outputs` ends with the end symbol."""

    source: Int[Tensor, "B S"]
    lengths: Int[Tensor, "B"]
    inputs: Int[Tensor, "B T"]
    outputs: Int[Tensor, "B T"]
    words: SourceWords | None


def examples_of(
    pairs: Sequence[tuple[str, str]], source: SideConfig, target: SideConfig, *, copying: bool = False
) -> list[Example]:
    """The (source, target) texts as ids. Pairs without a source token are left out.

    For a network that is `copying`, a target may have words of its source that no vocabulary has.
    """
    reader, writer = SourceTokenizer(source), TargetTokens(target)
    examples = []
    for text, goal in pairs:
        read = reader.tokenize(text)
        ids = tuple(token.id for token in read.tokens)
        if not copying:
            examples.append(Example(ids, writer.encode(goal)))
            continue
        extended = ExtendedTokens(writer, read)
        examples.append(Example(ids, extended.encode(goal), extended.copies))
    return [example for example in examples if example.source]


class Trainer:
    """A network while it learns. Make one with `start` or `resume`; call `epoch` until `finished`."""

    def __init__(self, plan: Plan, network: RnnNetwork) -> None:
        self.plan = plan
        self.network = network
        self.reports: list[EpochReport] = []
        self._optimizer = torch.optim.Adam(network.parameters(), lr=plan.settings.learning_rate)
        self._source_pad = plan.source.pieces.index(PAD)
        self._pad, self._begin, self._end, self._unknown = (
            plan.target.pieces.index(piece) for piece in (PAD, BEGIN, END, UNKNOWN)
        )

    @classmethod
    def start(cls, plan: Plan) -> "Trainer":
        """A trainer before its first epoch. Seeds torch's generator."""
        torch.manual_seed(plan.settings.seed)
        return cls(plan, RnnNetwork(plan.network, len(plan.source.pieces), len(plan.target.pieces)))

    @classmethod
    def resume(cls, path: Path, plan: Plan) -> "Trainer":
        """The trainer that `save` wrote to `path`. It must have been fitting the same plan."""
        state = read_state(path, plan)
        trainer = cls.start(plan)
        trainer.reports = msgspec.json.decode(state.reports, type=list[EpochReport])
        state.put_back(trainer.network, trainer._optimizer)
        return trainer

    def save(self, path: Path) -> None:
        """Write all that `resume` needs, in one safetensors file that appears whole or not at all."""
        write_state(path, self.network, self._optimizer, plan=self.plan, reports=self.reports)

    @property
    def finished(self) -> bool:
        """Whether every epoch of the plan has run."""
        return len(self.reports) >= self.plan.settings.epochs

    def epoch(
        self,
        examples: Sequence[Example],
        validation: Sequence[Example] = (),
        seen: Callable[[int, float], None] = lambda _examples, _loss: None,
    ) -> EpochReport:
        """Run one epoch. `seen` hears after each batch how many examples it had, and its loss."""
        settings = self.plan.settings
        began = time.perf_counter()
        self.network.train()
        total, tokens = 0.0, 0
        batches = list(self.batches(examples))
        for number, batch in enumerate(batches):
            done = (len(self.reports) + number / len(batches)) / settings.epochs
            self._optimizer.param_groups[0]["lr"] = settings.learning_rate * max(1 - done, 0.05)
            loss, count = self.update(batch), int((batch.outputs != self._pad).sum())
            total, tokens = total + loss * count, tokens + count
            seen(len(batch.source), loss)
        report = EpochReport(
            epoch=len(self.reports) + 1,
            loss=total / tokens,
            seconds=time.perf_counter() - began,
            learning_rate=self._optimizer.param_groups[0]["lr"],
            exact_match=exact_match(self.greedy(validation), validation) if validation else None,
        )
        self.reports.append(report)
        return report

    def greedy(self, examples: Sequence[Example]) -> list[tuple[int, ...]]:
        """What the network writes now for each source; see `greedy_targets`."""
        return greedy_targets(
            self.network, examples, source_pad=self._source_pad, begin=self._begin, end=self._end
        )

    def update(self, batch: Batch) -> float:
        """Learn from one batch. Returns its loss in nats a target token; the padding costs nothing."""
        wanted = batch.outputs != self._pad
        logits = self.network(batch.source, batch.lengths, batch.inputs, wanted, batch.words)
        # What copies gives log-probabilities already: the mixture of two distributions is one.
        criterion = functional.cross_entropy if batch.words is None else functional.nll_loss
        loss = criterion(logits, batch.outputs[wanted])
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.settings.gradient_norm)
        self._optimizer.step()
        value = loss.item()
        if not math.isfinite(value):
            raise S2sdapError("model_failed", where="training", reason=f"the loss became {value}")
        return value

    def batches(self, examples: Sequence[Example]) -> Iterator[Batch]:
        """The examples in a random order, those of like lengths together."""
        size = self.plan.settings.batch_size
        order = torch.randperm(len(examples)).tolist()
        batches: list[list[int]] = []
        for start in range(0, len(order), size * _POOL):
            pool = sorted(
                order[start : start + size * _POOL],
                key=lambda i: (len(examples[i].source), len(examples[i].target)),
            )
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        for number in torch.randperm(len(batches)).tolist():
            chosen = [examples[i] for i in batches[number]]
            source, lengths = padded([each.source for each in chosen], self._source_pad)
            inputs, _ = padded([(self._begin, *each.target) for each in chosen], self._pad)
            outputs, _ = padded([(*each.target, self._end) for each in chosen], self._pad)
            yield Batch(source, lengths, inputs, outputs, self._words(chosen))

    def _words(self, examples: Sequence[Example]) -> SourceWords | None:
        return words_of(self.network, examples, self._unknown)


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B"]]:
    """Rows of ids filled up with `pad` to the longest, and their lengths."""
    width = max(len(row) for row in rows)
    filled = [[*row, *([pad] * (width - len(row)))] for row in rows]
    return torch.tensor(filled), torch.tensor([len(row) for row in rows])


def words_of(network: RnnNetwork, examples: Sequence[Example], unknown: int) -> SourceWords | None:
    """What can be copied from the sources, for a network that copies; `unknown` is the target's own."""
    if network.copying is None:
        return None
    return SourceWords.of([each.copies for each in examples], network.output.out_features, unknown)


@torch.no_grad()
def greedy_targets(
    network: RnnNetwork,
    examples: Sequence[Example],
    *,
    source_pad: int,
    begin: int,
    end: int,
    unknown: int = 1,
    batch_size: int = 256,
) -> list[tuple[int, ...]]:
    """What `network` writes for each source, greedily, as far as 10 tokens past its reference."""
    network.eval()
    written: list[tuple[int, ...]] = []
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        source, lengths = padded([each.source for each in batch], source_pad)
        encoded = network.encode(source, lengths, untouched, words_of(network, batch, unknown))
        state = network.begin(encoded)
        tokens = torch.full((len(batch),), begin)
        steps: list[Tensor] = []
        ended = torch.zeros(len(batch), dtype=torch.bool)
        while not ended.all() and len(steps) < max(len(each.target) for each in batch) + 10:
            logits, state = network.step(encoded, state, tokens, untouched)
            tokens = logits.argmax(dim=-1)
            ended |= tokens == end
            steps.append(tokens)
        for row in torch.stack(steps, dim=1).tolist():
            written.append(tuple(row[: row.index(end)] if end in row else row))
    return written


def exact_match(written: Sequence[tuple[int, ...]], examples: Sequence[Example]) -> float:
    """The share of `written` that equals its reference, 0..1."""
    right = sum(row == example.target for row, example in zip(written, examples, strict=True))
    return right / len(examples)
