"""Training of a repeating network, as Keras trains `addition_rnn`: Adam, cross-entropy over every place.

One epoch at a time, resumable to the bit: everything random is drawn from torch's generator, whose state
is saved with the rest after an epoch. Two accuracies are reported, since they are far apart: of single
characters, as Keras counts, and of whole answers.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from s2sdap.models.rnn.repeating.characters import AnswerTokens, source_of
from s2sdap.models.rnn.repeating.config import PADDING, RepeatingConfig
from s2sdap.models.rnn.repeating.network import RepeatingNetwork
from s2sdap.models.rnn.training_state import read_state, write_state
from s2sdap.vocabulary.errors import S2sdapError


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network is fitted; the defaults are Keras' own. The learning rate stays as it is."""

    batch_size: Annotated[int, msgspec.Meta(ge=1)] = 512
    learning_rate: Annotated[float, msgspec.Meta(gt=0.0)] = 1e-3
    seed: int = 1


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a training but the examples; a resumed run must have the same plan."""

    network: RepeatingConfig
    settings: Settings


class EpochReport(msgspec.Struct, frozen=True):
    """What one epoch came to: losses in nats a character, accuracies 0..1, wall-clock seconds.

    Those of training are means over the epoch while it ran, as Keras reports them; those of validation
    are of the network after it. `characters` counts every place, the padding included.
    """

    epoch: int
    loss: float
    characters: float
    exact: float
    validation_loss: float
    validation_characters: float
    validation_exact: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Examples:
    """Lines and answers as ids, filled up to the width of the network."""

    sources: Int[Tensor, "N S"]
    targets: Int[Tensor, "N T"]

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(frozen=True, slots=True)
class Measured:
    """Loss in nats a character, and the shares of right characters and of whole answers."""

    loss: float
    characters: float
    exact: float


def examples_of(config: RepeatingConfig, pairs: Sequence[tuple[str, str]]) -> Examples:
    """The (line, answer) texts as ids. A `ValueError` says which does not fit."""
    answers = AnswerTokens(config)
    sources, targets = [], []
    for line, answer in pairs:
        read = [token.id for token in source_of(config, line).tokens]
        written = answers.encode(answer.ljust(config.target_length, PADDING))
        if len(read) != config.source_length or len(written) != config.target_length:
            raise ValueError(f"{line!r} and {answer!r} do not fit the network")
        if max(*read, *written) >= len(config.characters):
            raise ValueError(f"{line!r} or {answer!r} has a character that the network does not know")
        sources.append(read)
        targets.append(written)
    return Examples(torch.tensor(sources), torch.tensor(targets))


class Trainer:
    """A network while it learns. Make one with `start` or `resume`, and call `epoch`."""

    def __init__(self, plan: Plan, network: RepeatingNetwork) -> None:
        self.plan = plan
        self.network = network
        self.reports: list[EpochReport] = []
        self.best: dict[str, Tensor] = {}
        """The weights after the epoch of the lowest validation loss."""
        self._optimizer = torch.optim.Adam(network.parameters(), lr=plan.settings.learning_rate, eps=1e-7)

    @classmethod
    def start(cls, plan: Plan) -> "Trainer":
        """A trainer before its first epoch. Seeds torch's generator."""
        torch.manual_seed(plan.settings.seed)
        return cls(plan, RepeatingNetwork(plan.network))

    @classmethod
    def resume(cls, path: Path, plan: Plan) -> "Trainer":
        """The trainer that `save` wrote to `path`. It must have been fitting the same plan."""
        state = read_state(path, plan)
        trainer = cls.start(plan)
        trainer.reports = msgspec.json.decode(state.reports, type=list[EpochReport])
        trainer.best = state.weights(trainer.network, "best")
        state.put_back(trainer.network, trainer._optimizer)
        return trainer

    def save(self, path: Path) -> None:
        """Write all that `resume` needs, in one safetensors file that appears whole or not at all."""
        more = {"best": self.best}
        write_state(path, self.network, self._optimizer, plan=self.plan, reports=self.reports, more=more)

    def epoch(
        self,
        examples: Examples,
        validation: Examples,
        seen: Callable[[int, float], None] = lambda _examples, _loss: None,
    ) -> EpochReport:
        """Run one epoch. `seen` hears after each batch how many examples it had, and its loss."""
        began = time.perf_counter()
        size = self.plan.settings.batch_size
        total = torch.zeros(3, dtype=torch.float64)
        for rows in torch.split(torch.randperm(len(examples)), size):
            measured = self._update(examples.sources[rows], examples.targets[rows])
            total += len(rows) * torch.tensor([measured.loss, measured.characters, measured.exact])
            seen(len(rows), measured.loss)
        loss, characters, exact = (total / len(examples)).tolist()
        after = measured_on(self.network, validation)
        if not self.reports or after.loss < min(each.validation_loss for each in self.reports):
            self.best = {name: weight.clone() for name, weight in self.network.state_dict().items()}
        report = EpochReport(
            epoch=len(self.reports) + 1,
            loss=loss,
            characters=characters,
            exact=exact,
            validation_loss=after.loss,
            validation_characters=after.characters,
            validation_exact=after.exact,
            seconds=time.perf_counter() - began,
        )
        self.reports.append(report)
        return report

    def idle(self) -> int:
        """For how many epochs the validation loss has not fallen any more."""
        if not self.reports:
            return 0
        losses = [each.validation_loss for each in self.reports]
        return len(losses) - 1 - losses.index(min(losses))

    def _update(self, sources: Int[Tensor, "B S"], targets: Int[Tensor, "B T"]) -> Measured:
        logits = self.network(sources)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        measured = _measured(logits.detach(), targets, loss.item())
        if not math.isfinite(measured.loss):
            raise S2sdapError("model_failed", where="training", reason=f"the loss became {measured.loss}")
        return measured


@torch.no_grad()
def measured_on(network: RepeatingNetwork, examples: Examples, batch_size: int = 4096) -> Measured:
    """Loss and accuracies of `network` on the examples."""
    total = torch.zeros(3, dtype=torch.float64)
    for at in range(0, len(examples), batch_size):
        targets = examples.targets[at : at + batch_size]
        logits = network(examples.sources[at : at + batch_size])
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
        part = _measured(logits, targets, loss)
        total += len(targets) * torch.tensor([part.loss, part.characters, part.exact])
    return Measured(*(total / len(examples)).tolist())


def _measured(logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"], loss: float) -> Measured:
    right = logits.argmax(dim=-1) == targets
    return Measured(loss, float(right.double().mean()), float(right.all(dim=-1).double().mean()))
