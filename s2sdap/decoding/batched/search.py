"""Our own search over a batch: what `search.select` decides, for all sentences in one go.

Axes here: A sentences that still decode, k rows of each, V target tokens, M candidates that could
get a place. A row that is not live has the score minus infinity, so nothing comes of it. Sampling is
not for a batch: each sentence has its own draws.

A decision is *close* where its two sides are no further apart than what the numbers of a batch may be
off; the sentence is then marked, and whoever wants to be sure decodes it by itself.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.backtrace import Step, outputs_of
from s2sdap.decoding.batched.choices import ChoiceKeeper, Choices
from s2sdap.decoding.batched.forbidding import batch_logprobs
from s2sdap.decoding.decode import Output
from s2sdap.decoding.penalties import attention_mass, length_term
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import BatchingModel, Source
from s2sdap.vocabulary import sites

_NOTHING: Final = -math.inf
_SMALLEST: Final = 1e-20  # as in `penalties`
_DONE_SHARE: Final = 0.25
"""The share of finished sentences at which their rows are let go."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch: of each sentence the outputs, best first, and whether a decision was close."""

    outputs: tuple[tuple[Output, ...], ...]
    close: NDArray[np.bool_]
    choices: Choices


def decode_batch(
    model: BatchingModel,
    sources: Sequence[Source],
    settings: SearchSettings,
    prefix: Sequence[int] = (),
    *,
    names: Collection[str] = (),
    tolerance: float = 0.0,
) -> BatchOutcome:
    """Decode `sources` together. `names` are the fields that are asked of every choice."""
    with torch.inference_mode():
        search = _BatchSearch(model, sources, settings, prefix, names, tolerance)
        while len(search.active):
            search.step()
        return search.outcome()


class _BatchSearch:
    """The search while it runs; everything here has the rows of `active`, unless it says otherwise."""

    def __init__(
        self,
        model: BatchingModel,
        sources: Sequence[Source],
        settings: SearchSettings,
        prefix: Sequence[int],
        names: Collection[str],
        tolerance: float,
    ) -> None:
        self.model, self.settings, self.prefix, self.tolerance = model, settings, prefix, tolerance
        self.keeper = ChoiceKeeper(names, tolerance)
        device, count = model.device, len(sources)
        self.count = count
        self.encoded = model.encode_batch(sources)
        self.state = model.begin(self.encoded)
        self.lengths = torch.tensor([len(source.tokens) for source in sources], device=device)
        self.active = torch.arange(count, device=device)
        self.time = 0
        self.scores = torch.zeros(count, 1, dtype=torch.float64, device=device)
        self.tokens = torch.full((count, 1), model.target.bos, device=device)
        self.written = self.tokens[:, :, None][:, :, :0] if settings.no_repeat_ngram else None
        self.coverage: Tensor | None = None
        kept = settings.n_best + 1  # one more, to see whether the last place was close
        self.best = torch.full((count, kept), _NOTHING, dtype=torch.float64, device=device)
        self.where = torch.full((count, kept), -1, device=device)  # step * M + candidate
        self.finished = torch.zeros(count, dtype=torch.long, device=device)
        self.steps: list[Step] = []
        self.close = torch.zeros(count, dtype=torch.bool, device=device)  # of all sentences
        self.all_best = self.best.clone()  # of all sentences
        self.all_where = self.where.clone()  # of all sentences
        self.most = 2 * settings.beam_size + 1

    def step(self) -> None:
        """One step of every active sentence."""
        sentences, rows = self.scores.shape
        attended: list[Tensor] = []

        def probe(site: str, value: Tensor, /) -> Tensor:
            if site == sites.ATTENTION_WEIGHTS:
                attended.append(value)
            return value

        logits, self.state = self.model.step(self.encoded, self.state, self.tokens.flatten(), probe)
        written = None if self.written is None else self.written.flatten(0, 1)
        logprobs = batch_logprobs(logits, written, self.time, self.settings, self.model.target.eos)
        logprobs = logprobs.view(sentences, rows, -1)
        broken = logprobs[:, :, 0].isnan() & (self.scores > _NOTHING)
        if bool(broken.any()):  # by itself the sentence will say what is wrong
            self.close[self.active[broken.any(dim=1)]] = True
            logprobs = logprobs.nan_to_num(nan=_NOTHING)
        coverage = self._coverage(attended)
        if self.time < len(self.prefix):
            self._follow_prefix(logits, logprobs)
        else:
            self._choose(logprobs, coverage)
        self.time += 1

    # ---- the prefix --------------------------------------------------------------------------

    def _follow_prefix(self, logits: Tensor, logprobs: Tensor) -> None:
        """Every hypothesis takes the prefix's token; there is one of each sentence as yet."""
        token = self.prefix[self.time]
        values = logprobs[:, :, token].double()
        forbidden = values == _NOTHING
        if bool(forbidden.any()):  # count what the model itself thinks
            own = torch.log_softmax(logits, dim=-1)[:, token].double().view_as(values)
            values = torch.where(forbidden, own, values)
        self.scores = self.scores + values
        self.tokens = torch.full_like(self.tokens, token)
        if self.written is not None:
            self.written = torch.cat((self.written, self.tokens[:, :, None]), dim=-1)
        if self.keeper.wanted:
            self.keeper.add(
                self.time, self.active, logprobs[:, 0], self.tokens[:, 0], values[:, 0], self.scores[:, 0]
            )
        row = torch.zeros_like(self.tokens)
        self.steps.append(Step(self.active, row, self.tokens, values, None))

    # ---- the choice --------------------------------------------------------------------------

    def _choose(self, logprobs: Tensor, coverage: Tensor | None) -> None:
        settings, beam = self.settings, self.settings.beam_size
        _, rows, size = logprobs.shape
        width = min(size, self.most)
        top = logprobs.topk(width, dim=-1)
        scores = (self.scores[:, :, None] + top.values.double()).flatten(1)
        ranked = scores.topk(min(self.most, scores.shape[1]), dim=-1)
        score, row = ranked.values, ranked.indices // width
        token = top.indices.flatten(1).gather(1, ranked.indices)
        value = top.values.flatten(1).gather(1, ranked.indices).double()
        valid = score > _NOTHING
        ends = valid & (token == self.model.target.eos)
        others = valid & ~ends
        rank = torch.arange(score.shape[1], device=score.device)
        stays = others & (others.cumsum(dim=1) <= beam)
        ended = ends & (rank < beam)
        last = self.time + 1 >= settings.max_length
        final = score / length_term(self.time + 1, settings.length_penalty)
        final = torch.where(valid, final, _NOTHING)  # of what is forbidden 0 / 0 may come
        penalties = self._penalties(coverage)
        if penalties is not None:
            final = final + penalties.gather(1, row)
        done_now = ended | stays if last else ended
        self._finish(done_now, final)

        # The live ones, in the order of their scores.
        places = (stays * (len(rank) - rank)).topk(min(beam, len(rank)), dim=1).indices
        alive = stays.gather(1, places) & (not last)
        live = torch.where(alive, score.gather(1, places), _NOTHING)
        over = self._over(alive, live)
        self._note_close(score, ends, stays)
        if self.keeper.wanted:
            self._keep_leaders(logprobs, (row, token, value, score, final), places, alive, over)
        parents = row.gather(1, places)
        self.steps.append(
            Step(
                self.active,
                parents,
                token.gather(1, places),
                value.gather(1, places),
                (row, token, value, score),
            )
        )
        self._go_on(parents, token.gather(1, places), live, coverage, over, rows)

    def _finish(self, now: Tensor, final: Tensor) -> None:
        """The hypotheses that finish now take their places among the best."""
        if not bool(now.any()):
            return
        kept = self.best.shape[1]
        codes = self.time * self.most + torch.arange(final.shape[1], device=final.device)
        all_final = torch.cat((self.best, torch.where(now, final, _NOTHING)), dim=1)
        all_where = torch.cat((self.where, codes.expand(len(final), -1)), dim=1)
        best = all_final.topk(kept, dim=1)
        self.best, self.where = best.values, all_where.gather(1, best.indices)
        self.finished = self.finished + now.sum(dim=1)

    def _over(self, alive: Tensor, live: Tensor) -> Tensor:
        """Whether the search of each sentence is over."""
        settings = self.settings
        none_left = ~alive[:, 0]
        enough = self.finished >= settings.n_best
        if settings.beam_size == 1:
            return none_left | enough
        if settings.early_stopping:
            return none_left | (enough & (self.finished >= settings.beam_size))
        largest = length_term(settings.max_length, settings.length_penalty)
        reachable, worst = live[:, 0] / largest, self.best[:, settings.n_best - 1]
        self._mark(enough & ((reachable - worst).abs() <= self._off()))
        return none_left | (enough & (reachable <= worst))

    def _note_close(self, score: Tensor, ends: Tensor, stays: Tensor) -> None:
        """Mark where the first place, the last place or an end symbol's place was close."""
        if score.shape[1] < 2:
            return
        beam = self.settings.beam_size
        gap = score[:, :-1] - score[:, 1:]
        near = gap <= self._off()  # of two forbidden ones the gap is no number, and so not near
        marked = near[:, 0]
        if beam < score.shape[1]:
            edge = ends[:, beam - 1] | ends[:, beam]
            marked = marked | (near[:, beam - 1] & edge)
        positions = torch.arange(score.shape[1], device=score.device)
        last = (stays * positions).amax(dim=1).clamp_max(near.shape[1] - 1)
        self._mark(marked | near.gather(1, last[:, None])[:, 0])

    def _mark(self, which: Tensor) -> None:
        self.close[self.active] |= which

    def _off(self) -> float:
        """How far a score may be off by now."""
        off = self.tolerance * (self.time + 1)
        if self.settings.coverage_penalty and self.coverage is not None:
            off += self.tolerance * self.settings.coverage_penalty * self.coverage.shape[-1]
        return off

    def _keep_leaders(
        self, logprobs: Tensor, candidates: tuple[Tensor, ...], places: Tensor, alive: Tensor, over: Tensor
    ) -> None:
        """The choice of the hypothesis in the lead, where this step made it."""
        finals = candidates[4].gather(1, places)
        leading = places[:, 0]
        some = self.finished > 0
        reached = torch.where(alive, finals, _NOTHING)
        if self.settings.coverage_penalty:  # then the best score is not always the best final one
            best = reached.argmax(dim=1)
            leading = torch.where(some, places.gather(1, best[:, None])[:, 0], leading)
        highest = torch.where(over, _NOTHING, reached.amax(dim=1))
        done = some & (self.best[:, 0] > highest)
        self._mark(some & ~over & ((self.best[:, 0] - highest).abs() <= self._off()))
        now = self.where[:, 0] // self.most == self.time
        index = torch.where(done, self.where[:, 0] % self.most, leading)
        leads = torch.where(done, now, alive[:, 0] & ~over)
        which = leads.nonzero()[:, 0]
        if not len(which):
            return
        index = index[which, None]
        row, token, value, score = (each[which].gather(1, index)[:, 0] for each in candidates[:4])
        self.keeper.add(self.time, self.active[which], logprobs[which, row], token, value, score)

    # ---- going on ----------------------------------------------------------------------------

    def _go_on(
        self,
        parents: Tensor,
        tokens: Tensor,
        live: Tensor,
        coverage: Tensor | None,
        over: Tensor,
        rows: int,
    ) -> None:
        """Take the live ones along, and leave behind sentences that are over, when they are many."""
        live = torch.where(over[:, None], _NOTHING, live)
        sentences = torch.arange(len(live), device=live.device)
        share = float(over.double().mean())
        if share >= _DONE_SHARE:
            gone = self.active[over]
            self.all_best[gone], self.all_where[gone] = self.best[over], self.where[over]
            sentences = (~over).nonzero()[:, 0]
            live, tokens, parents = live[sentences], tokens[sentences], parents[sentences]
            self.active, self.lengths = self.active[sentences], self.lengths[sentences]
            self.best, self.where = self.best[sentences], self.where[sentences]
            self.finished = self.finished[sentences]
        if not len(sentences):
            return
        self.scores, self.tokens = live, tokens
        chosen = (sentences[:, None] * rows + parents).flatten()
        same = share < _DONE_SHARE and rows == 1 and parents.shape[1] == 1
        if not same:
            self.state = self.model.select(self.state, chosen)
            if rows != parents.shape[1] or share >= _DONE_SHARE:
                self.encoded = self.model.select_encoded(self.encoded, chosen)
        if self.written is not None:
            earlier = self.written.flatten(0, 1)[chosen].view(*tokens.shape, -1)
            self.written = torch.cat((earlier, tokens[:, :, None]), dim=-1)
        if coverage is not None:
            self.coverage = coverage.flatten(0, 1)[chosen].view(*tokens.shape, -1)

    def _coverage(self, attended: list[Tensor]) -> Tensor | None:
        """The attention that each source token has received, this step's included: [A, k, S]."""
        if not self.settings.coverage_penalty or not attended:
            return None
        mass = attention_mass(attended[0]).view(*self.scores.shape, -1)
        coverage = mass if self.coverage is None else self.coverage + mass
        if self.time < len(self.prefix):
            self.coverage = coverage
        return coverage

    def _penalties(self, coverage: Tensor | None) -> Tensor | None:
        """The coverage term of every row: [A, k]. What a row is filled up with does not count."""
        if coverage is None:
            return None
        there = torch.arange(coverage.shape[-1], device=coverage.device) < self.lengths[:, None]
        total = torch.log(coverage.clamp(_SMALLEST, 1.0)) * there[:, None]
        return self.settings.coverage_penalty * total.sum(dim=-1).double()

    def outcome(self) -> BatchOutcome:
        """What was found, once nothing is active."""
        best, close = self.all_best, self.close
        if best.shape[1] > 1:
            gaps = best[:, :-1] - best[:, 1:]
            close = close | (gaps <= self.tolerance * self.time).any(dim=1)
        model: Any = self.model
        count = self.settings.n_best
        return BatchOutcome(
            outputs_of(model, self.steps, best[:, :count], self.all_where[:, :count], self.most),
            close.cpu().numpy(),
            self.keeper.all(),
        )
