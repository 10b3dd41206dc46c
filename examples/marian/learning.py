"""Teach a small Marian model: updates, validation, and a state on disk from which training goes on exactly.

Everything random is drawn from torch's generator (first weights, dropout) or from one that is seeded by
the epoch (order); the state keeps the first, so an interrupted training ends with the same weights.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from parallel_text import DataError
from torch import Tensor
from torch.nn import functional
from transformers import GenerationConfig, MarianConfig, MarianMTModel

LONGEST = 256  # positions; longer pairs are left out of training
IGNORED = -100


@dataclass(frozen=True)
class Settings:
    """What decides a training, besides the text. The learning rate rises, then falls linearly to nothing."""

    epochs: int = 6
    seed: int = 0
    width: int = 128
    layers: int = 3
    heads: int = 4
    dropout: float = 0.0
    label_smoothing: float = 0.1
    learning_rate: float = 1.5e-3
    warm_up: float = 0.06  # of all updates
    batch_tokens: int = 1000  # of both sides, with padding; in few epochs, many updates are worth more


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation as ids; each ends with the end symbol."""

    source: list[int]
    target: list[int]


@dataclass(frozen=True)
class Batch:
    """Padded pairs: `source` and `mask` are `[B, S]`, `inputs` and `labels` `[B, T]`, one step apart."""

    source: Tensor
    mask: Tensor
    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: CPU seconds, and losses in nats a token (the first smoothed, the second not)."""

    loss: float
    validation: float
    seconds: float


def small_marian(settings: Settings, vocabulary: int, end: int, pad: int) -> MarianMTModel:
    """An untrained model with one embedding for both languages and the output."""
    config = MarianConfig(
        vocab_size=vocabulary,
        d_model=settings.width,
        encoder_layers=settings.layers,
        decoder_layers=settings.layers,
        encoder_attention_heads=settings.heads,
        decoder_attention_heads=settings.heads,
        encoder_ffn_dim=4 * settings.width,
        decoder_ffn_dim=4 * settings.width,
        activation_function="relu",
        scale_embedding=True,
        init_std=settings.width**-0.5,  # so that scaled embeddings and logits begin near one
        dropout=settings.dropout,
        max_position_embeddings=LONGEST,
        eos_token_id=end,
        pad_token_id=pad,
        decoder_start_token_id=pad,
        forced_eos_token_id=None,
    )
    model = MarianMTModel(config)
    model.generation_config = GenerationConfig(  # as published Marian models have it
        num_beams=4,
        max_length=128,
        eos_token_id=end,
        forced_eos_token_id=end,
        pad_token_id=pad,
        decoder_start_token_id=pad,
        bad_words_ids=[[pad]],
    )
    return model


class Trainer:
    """A model while it learns. Call `updates` for each epoch until `finished`; `save` at any update."""

    def __init__(
        self, settings: Settings, pairs: Sequence[Pair], vocabulary: int, end: int, pad: int
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.pairs = pairs
        self.pad = pad
        self.model = small_marian(settings, vocabulary, end, pad)
        self.history: list[Epoch] = []
        self.done = 0  # batches of the epoch that is running
        self.sums = (0.0, 0)  # its loss so far, and its tokens
        self.seconds = 0.0  # and the CPU seconds it took before it was interrupted
        self._optimizer = torch.optim.Adam(self.learned.values(), lr=0.0, betas=(0.9, 0.98), eps=1e-9)

    @property
    def learned(self) -> dict[str, Tensor]:
        """The weights that training changes: tied ones once, and not the positions."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    @property
    def finished(self) -> bool:
        """Whether every epoch has run."""
        return len(self.history) >= self.settings.epochs

    @property
    def pairs_done(self) -> int:
        """Pairs that the running epoch has gone through."""
        return sum(map(len, batches_of(self.pairs, self.settings, len(self.history))[: self.done]))

    def updates(self) -> Iterator[tuple[int, float]]:
        """Go through what is left of the epoch: after each update, its number of pairs and its loss."""
        batches = batches_of(self.pairs, self.settings, epoch=len(self.history))
        while self.done < len(batches):
            share = (len(self.history) + self.done / len(batches)) / self.settings.epochs
            warm = self.settings.warm_up
            rate = min((share + 1e-3) / warm, (1 - share) / (1 - warm))
            self._optimizer.param_groups[0]["lr"] = self.settings.learning_rate * rate
            batch = padded([self.pairs[number] for number in batches[self.done]], self.pad)
            loss, tokens = self._update(batch)
            self.done += 1
            self.sums = (self.sums[0] + loss * tokens, self.sums[1] + tokens)
            yield len(batch.source), loss

    def end_epoch(self, validation: Sequence[Pair], seconds: float) -> Epoch:
        """Close the epoch that `updates` went through, with the loss on `validation`."""
        epoch = Epoch(self.sums[0] / self.sums[1], self.validation_loss(validation), self.seconds + seconds)
        self.history.append(epoch)
        self.done, self.sums, self.seconds = 0, (0.0, 0), 0.0
        return epoch

    @torch.no_grad()
    def validation_loss(self, pairs: Sequence[Pair]) -> float:
        """Mean negative log-likelihood of `pairs`, in nats a token, without smoothing."""
        self.model.eval()
        total, tokens = 0.0, 0
        for numbers in batches_of(pairs, self.settings, epoch=0):
            loss, count = self._loss(padded([pairs[number] for number in numbers], self.pad), smoothing=0.0)
            total, tokens = total + loss.item() * count, tokens + count
        return total / tokens

    def _update(self, batch: Batch) -> tuple[float, int]:
        self.model.train()
        loss, tokens = self._loss(batch, self.settings.label_smoothing)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned.values(), 1.0)
        self._optimizer.step()
        value = loss.item()
        if not math.isfinite(value):
            raise DataError(f"The loss became {value}; try another seed or less width.")
        return value, tokens

    def _loss(self, batch: Batch, smoothing: float) -> tuple[Tensor, int]:
        states = self.model.model(
            input_ids=batch.source, attention_mask=batch.mask, decoder_input_ids=batch.inputs, use_cache=False
        ).last_hidden_state
        here = batch.labels != IGNORED
        # Logits are made only where there is a token: a third of the work is in them.
        logits = self.model.lm_head(states[here]) + self.model.final_logits_bias
        return functional.cross_entropy(logits, batch.labels[here], label_smoothing=smoothing), int(
            here.sum()
        )

    def save(self, path: Path, seconds: float = 0.0) -> None:
        """Write all that `resume` needs to one file, which appears whole or not at all."""
        tensors = {f"weight.{name}": weight.detach() for name, weight in self.learned.items()}
        for name, weight in self.learned.items():
            for part, value in self._optimizer.state[weight].items():
                tensors[f"{part}.{name}"] = value
        tensors["generator"] = torch.get_rng_state()
        progress = {
            "done": self.done,
            "sums": self.sums,
            "seconds": self.seconds + seconds,
            "history": [asdict(epoch) for epoch in self.history],
        }
        metadata = {"plan": self.plan, "progress": json.dumps(progress)}
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(safetensors.torch.save(tensors, metadata))
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from what `save` wrote. It must have been the same training."""
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise DataError(f"There is no {path} to go on from; leave --resume out.") from None
        except safetensors.SafetensorError as error:
            raise DataError(f"{path} cannot be read: {error}.") from None
        if metadata.get("plan") != self.plan:
            raise DataError(f"{path} was written by a training with other settings or another text.")
        progress = json.loads(metadata["progress"])
        self.done, self.sums, self.seconds = progress["done"], tuple(progress["sums"]), progress["seconds"]
        self.history = [Epoch(**epoch) for epoch in progress["history"]]
        state = self._optimizer.state_dict()
        parts = ("step", "exp_avg", "exp_avg_sq")
        with torch.no_grad():
            for number, (name, weight) in enumerate(self.learned.items()):
                weight.copy_(tensors[f"weight.{name}"])
                state["state"][number] = {part: tensors[f"{part}.{name}"] for part in parts}
        self._optimizer.load_state_dict(state)
        torch.set_rng_state(tensors["generator"])

    @property
    def plan(self) -> str:
        """What must be the same for a training to go on: the settings, and the text as ids."""
        text = hashlib.sha256(repr([(pair.source, pair.target) for pair in self.pairs]).encode()).hexdigest()
        return json.dumps({**asdict(self.settings), "text": text}, sort_keys=True)


def batches_of(pairs: Sequence[Pair], settings: Settings, epoch: int) -> list[list[int]]:
    """The numbers of all pairs in batches of like length, in an order that `seed` and `epoch` decide."""
    generator = torch.Generator().manual_seed(settings.seed * 100_003 + epoch)
    order = torch.randperm(len(pairs), generator=generator).tolist()
    order.sort(key=lambda number: (len(pairs[number].source), len(pairs[number].target)))  # stable
    batches: list[list[int]] = [[]]
    width = 0
    for number in order:
        width = max(width, len(pairs[number].source) + len(pairs[number].target))
        if batches[-1] and width * (len(batches[-1]) + 1) > settings.batch_tokens:
            batches.append([])
            width = len(pairs[number].source) + len(pairs[number].target)
        batches[-1].append(number)
    return [batches[number] for number in torch.randperm(len(batches), generator=generator).tolist()]


def padded(pairs: Sequence[Pair], pad: int) -> Batch:
    """Pairs as tensors; the decoder's inputs begin with padding, which is how Marian starts."""
    sources, labels = [pair.source for pair in pairs], [pair.target for pair in pairs]
    source = _rectangle(sources, pad)
    inputs = _rectangle([[pad, *target[:-1]] for target in labels], pad)
    return Batch(source, source != pad, inputs, _rectangle(labels, IGNORED))


def _rectangle(rows: Sequence[list[int]], filling: int) -> Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([row + [filling] * (width - len(row)) for row in rows])
