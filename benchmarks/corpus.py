"""What a corpus run costs: `s2sdap run`'s own path, rules armed, against the model's own batched decode.

The peer of a recurrent model is written out here: the same batches of like length, the same search, in
plain torch, that keeps nothing but outputs. The peer of a Hugging Face model is one call of its own
`generate` a batch. Seconds are of this process's own processor time, and both sides take turns over the
same lines. The ratio is of seconds: 1.25 is 0.8 of the peer's throughput.

The Hugging Face model is that of `random_marian`.
"""

import functools
import gc
import time
from collections.abc import Callable, Sequence

import torch
import transformers
from transformers import GenerationMixin

from benchmarks.measuring import Row, paired
from benchmarks.random_marian import lines_for, settings_for, sure_marian
from benchmarks.throughput import corpus as dates
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.corpus.sweeping import sweep_for
from s2sdap.debugger.program import make_program
from s2sdap.debugger.watch_rules import ArmedRule, parse_rule
from s2sdap.decoding.batched.grouping import BatchBounds, grouped
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import BatchingModel, Described, untouched
from s2sdap.models.huggingface.face import HuggingFaceModel
from s2sdap.models.loading import load_model

GOAL = 0.8
"""Our throughput, as a share of the peer's."""
NEVER = ("lowConfidence(p < 0.000001)",)
"""Asked of every choice, and true of none: what watching costs."""
SELDOM = ("lowConfidence(p < 0.7)",)
"""True of a sentence now and then, which is then decoded again by itself."""
NEVER_OF_RANDOM = ("lowConfidence(p < 0.0000000001)",)
"""That of a model with random weights, which is sure of nothing."""
SELDOM_OF_RANDOM = ("lowConfidence(line % 200 == 100 and step == 0)",)
"""As seldom of such a model."""
LONGEST = SearchSettings().max_length
"""Target tokens; asked of the settings once, since making and checking them is no part of a decode."""


def ours(model: Described, lines: Sequence[str], settings: Settings, rules: Sequence[str]) -> float:
    """Processor seconds of the run; every sentence, with its stops."""
    armed = tuple(map(parse_rule, rules))
    program = make_program(lines, path=None)
    gc.collect()
    begin = time.process_time()
    done = sum(1 for _ in Corpus(model, program, settings, armed))
    seconds = time.process_time() - begin
    if done != len(program.sentences):
        raise RuntimeError("some sentences are missing")
    return seconds


def bare(model: BatchingModel, lines: Sequence[str], beam: int) -> float:
    """Processor seconds of a batched greedy or beam search that keeps only its outputs."""
    gc.collect()
    begin = time.process_time()
    sources = [model.tokenize(line) for line in lines]
    outputs = [""] * len(lines)
    with torch.inference_mode():
        for batch in grouped([len(source.tokens) for source in sources], beam, BatchBounds()):
            encoded = model.encode_batch([sources[index] for index in batch])
            rows = (
                _bare_greedy(model, encoded, len(batch))
                if beam == 1
                else _bare_beam(model, encoded, len(batch), beam)
            )
            for index, tokens in zip(batch, rows, strict=True):
                outputs[index] = model.target.text(tokens)
    return time.process_time() - begin


def _bare_greedy(model: BatchingModel, encoded: object, count: int) -> list[list[int]]:
    state = model.begin(encoded)
    tokens = torch.full((count,), model.target.bos)
    ended = torch.zeros(count, dtype=torch.bool)
    steps: list[torch.Tensor] = []
    while not ended.all() and len(steps) < LONGEST:
        logits, state = model.step(encoded, state, tokens, untouched)
        tokens = logits.argmax(dim=-1)
        ended |= tokens == model.target.eos
        steps.append(tokens)
    return torch.stack(steps, dim=1).tolist()


def _bare_beam(model: BatchingModel, encoded: object, count: int, beam: int) -> list[list[int]]:
    """Beam search as it is commonly written: finished beams keep a score, a batch ends when none can win."""
    eos = model.target.eos
    spread = torch.arange(count).repeat_interleave(beam)
    state = model.select(model.begin(encoded), spread)
    encoded = model.select_encoded(encoded, spread)
    scores = torch.full((count, beam), -torch.inf)
    scores[:, 0] = 0.0
    tokens = torch.full((count, beam), model.target.bos)
    written = tokens[:, :, None][:, :, :0]
    best = torch.full((count,), -torch.inf)
    outputs: list[list[int]] = [[] for _ in range(count)]
    for _ in range(LONGEST):
        logits, state = model.step(encoded, state, tokens.flatten(), untouched)
        logprobs = logits.log_softmax(dim=-1).view(count, beam, -1)
        size = logprobs.shape[-1]
        top = (scores[:, :, None] + logprobs).view(count, -1).topk(2 * beam, dim=-1)
        parents, chosen = top.indices // size, top.indices % size
        ends = chosen == eos
        finishing = torch.where(ends[:, :beam], top.values[:, :beam], -torch.inf).max(dim=1)
        better = finishing.values > best
        for row in better.nonzero()[:, 0].tolist():
            outputs[row] = written[row, parents[row, finishing.indices[row]]].tolist()
        best = torch.maximum(best, finishing.values)
        kept = torch.where(ends, -torch.inf, top.values).topk(beam, dim=-1)
        scores, parents = kept.values, parents.gather(1, kept.indices)
        tokens = chosen.gather(1, kept.indices)
        written = torch.cat(
            (written.gather(1, parents[:, :, None].expand(-1, -1, written.shape[2])), tokens[:, :, None]),
            dim=-1,
        )
        if bool((scores[:, 0] <= best).all()):
            break
        state = model.select(state, (torch.arange(count)[:, None] * beam + parents).flatten())
    return outputs


def generated(face: HuggingFaceModel, lines: Sequence[str], settings: GenerationSettings) -> float:
    """Processor seconds of the model's own `generate`, batch by batch."""
    gc.collect()
    begin = time.process_time()
    beam = sweep_for(face, settings, ()).beam
    sources = [face.tokenize(line) for line in lines]
    for batch in grouped([len(source.tokens) for source in sources], beam, BatchBounds()):
        width = max(len(sources[index].tokens) for index in batch)
        ids = torch.full((len(batch), width), face.model.config.pad_token_id)
        for row, index in enumerate(batch):
            own = [token.id for token in sources[index].tokens]
            ids[row, : len(own)] = torch.tensor(own)
        mask = (ids != face.model.config.pad_token_id).long()
        out = GenerationMixin.generate(face.model, input_ids=ids, attention_mask=mask, **settings.given)
        for tokens in out.tolist():
            face.target.text(tokens)
    return time.process_time() - begin


def _generating(runs: int) -> list[Row]:
    """A Marian with random weights, greedy and with a beam of 4, against its own `generate`.

    A run begins with a sentence by itself. Of 256 that takes a sixteenth of a greedy run's time.
    """
    face = sure_marian()
    out = []
    for beam, sentences, rules in (
        (1, 256, NEVER_OF_RANDOM),
        (1, 1024, NEVER_OF_RANDOM),
        (1, 1024, SELDOM_OF_RANDOM),
        (4, 256, NEVER_OF_RANDOM),
    ):
        settings, lines = settings_for(beam), lines_for(sentences)
        out.append(
            _row(
                f"{sentences} sentences, Marian 3+3 layers d=256, beam of {beam} "
                f"({_fired(face, lines, settings, rules)})",
                functools.partial(ours, face, lines, settings, rules),
                functools.partial(generated, face, lines, settings),
                sentences,
                runs,
            )
        )
    return out


def rows(sentences: int = 2048, runs: int = 11) -> list[Row]:
    """The bundled model and a Hugging Face one, greedy and with a beam of 4."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    model, lines = load_model("dates"), dates(sentences)
    if not isinstance(model, BatchingModel):
        raise TypeError("the bundled model reads batches")
    lines[::200] = ["J 4, 2005"] * len(lines[::200])  # is that January, June or July?
    out = []
    for name, settings in (("greedy", SearchSettings()), ("beam of 4", SearchSettings(beam_size=4))):
        for what, rules in (("no rule fires", NEVER), ("rules fire", SELDOM)):
            out.append(
                _row(
                    f"{sentences} sentences, {name}, {what} ({_fired(model, lines, settings, rules)})",
                    functools.partial(ours, model, lines, settings, rules),
                    functools.partial(bare, model, lines, settings.beam_size),
                    sentences,
                    runs,
                )
            )
    return out + _generating(3)


def _fired(model: Described, lines: Sequence[str], settings: Settings, rules: Sequence[str]) -> str:
    """How many sentences the rules fired in, and were decoded again."""
    armed: tuple[ArmedRule, ...] = tuple(map(parse_rule, rules))
    run = Corpus(model, make_program(lines, path=None), settings, armed)
    fired = sum(bool(decoded.stops) for decoded in run)
    return f"fired in {fired}, {run.counts.again} again"


def _row(what: str, mine: Callable[[], float], peer: Callable[[], float], sentences: int, runs: int) -> Row:
    our_seconds, peer_seconds, ratio = paired(mine, peer, runs)
    return Row(
        what,
        f"{sentences / our_seconds:.0f}/s",
        f"{sentences / peer_seconds:.0f}/s",
        ratio,
        1 / GOAL,
    )
