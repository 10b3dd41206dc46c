"""Our own search over a batch: what `search.select` decides, for all sentences in one go.

Axes here: A sentences that still decode, k rows of each, V target tokens, M candidates that could
get a place. A row that is not live has the score minus infinity, so nothing comes of it. Sampling is
not for a batch: each sentence has its own draws.

A decision is *close* where its two sides are no further apart than what the numbers of a batch may be
off; the sentence is then marked, and whoever wants to be sure decodes it by itself.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.batched.backtrace import Step, Writers, ends_of, outputs_of
from s2sdap.decoding.batched.choices import ChoiceKeeper, Looked, with_history
from s2sdap.decoding.batched.decisions import Decision, close_ones, leaders_of, reachable, worst
from s2sdap.decoding.batched.finiteness import Finiteness, SourceFiniteness
from s2sdap.decoding.batched.forbidding import batch_logprobs
from s2sdap.decoding.batched.greedy import run_greedily
from s2sdap.decoding.batched.histories import taken_of
from s2sdap.decoding.batched.outcome import DONE_SHARE, BatchOutcome, Telling, coverage_terms
from s2sdap.decoding.penalties import attention_mass, length_term
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import BatchingModel, Source
from s2sdap.vocabulary import sites

_NOTHING: Final = -math.inf
_FEW: Final = 64
"""Target tokens that are ranked sooner all together than row by row first."""


def run_batch(
    model: BatchingModel,
    sources: Sequence[Source],
    settings: SearchSettings,
    prefix: Sequence[int] = (),
    *,
    looked: Looked | None = None,
    tolerance: float = 0.0,
) -> Telling:
    """Decode `sources` together. `looked` are the fields that somebody will ask for."""
    looked = looked or Looked()
    with torch.inference_mode():
        if settings.beam_size == 1:
            return run_greedily(model, sources, settings, prefix, looked, tolerance)
        search = _BatchSearch(model, sources, settings, prefix, looked, tolerance)
        while len(search.active):
            search.step()
        return torch.inference_mode()(search.outcome)


class _BatchSearch:
    """The search while it runs; everything here has the rows of `active`, unless it says otherwise."""

    def __init__(
        self,
        model: BatchingModel,
        sources: Sequence[Source],
        settings: SearchSettings,
        prefix: Sequence[int],
        looked: Looked,
        tolerance: float,
    ) -> None:
        self.model, self.settings, self.prefix, self.tolerance = model, settings, prefix, tolerance
        self.looked, self.sources = looked, sources
        self.keeper = ChoiceKeeper(looked.steps, tolerance)
        device, count = model.device, len(sources)
        self.count = count
        reading = SourceFiniteness(sources) if looked.finiteness else None
        self.encoded = (
            model.encode_batch(sources) if reading is None else model.encode_batch(sources, reading)
        )
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
        self.decisions: list[Decision] = []
        self.marks: list[tuple[Tensor, Tensor]] = []  # sentences, and which of them say nothing for sure
        self.all_best = self.best.clone()  # of all sentences
        self.all_where = self.where.clone()  # of all sentences
        self.most = 2 * settings.beam_size + 1
        self.some = False  # whether any hypothesis has finished
        self.attended: list[Tensor] = []  # of each step [A, k, S], where somebody asks
        if reading is not None:
            self._mark(reading.bad.to(device))

    def step(self) -> None:
        """One step of every active sentence."""
        sentences, rows = self.scores.shape
        attended: list[Tensor] = []
        finiteness = Finiteness() if self.looked.finiteness else None

        def probe(site: str, value: Tensor, /) -> Tensor:
            if site == sites.ATTENTION_WEIGHTS:
                attended.append(value)
            if finiteness is not None:
                finiteness.look(site, value)
            return value

        logits, self.state = self.model.step(self.encoded, self.state, self.tokens.flatten(), probe)
        written = None if self.written is None else self.written.flatten(0, 1)
        logprobs = batch_logprobs(logits, written, self.time, self.settings, self.model.target.eos)
        if finiteness is not None:
            finiteness.look(sites.PREDICTION_LOGITS, logits)
            finiteness.look(sites.PREDICTION_LOGPROBS, logprobs)
            if finiteness.bad is not None:
                self._mark(finiteness.bad.view(sentences, rows).any(dim=1))
        logprobs = logprobs.view(sentences, rows, -1)
        if self.looked.attention:
            self.attended.append(attention_mass(attended[0]).view(sentences, rows, -1))
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
            tokens = self.tokens[:, 0]
            of_rows = self.keeper.of_rows(logprobs[:, 0], tokens) if self.keeper.reads_rows else None
            self.keeper.add(self.time, self.active, tokens, values[:, 0], self.scores[:, 0], of_rows=of_rows)
        row = torch.zeros_like(self.tokens)
        self.steps.append(Step(self.active, row, self.tokens, values, None))

    # ---- the choice --------------------------------------------------------------------------

    def _choose(self, logprobs: Tensor, coverage: Tensor | None) -> None:
        settings, beam = self.settings, self.settings.beam_size
        _, rows, size = logprobs.shape
        width = min(size, self.most)
        best, tokens_of = logprobs, None
        if size > _FEW:  # of many tokens only those of a row that can get a place are ranked among all
            best, tokens_of = logprobs.topk(width, dim=-1)
        scores = (self.scores[:, :, None] + best.double()).flatten(1)
        ranked = scores.topk(min(self.most, rows * width), dim=-1)
        score, row = ranked.values, ranked.indices // best.shape[-1]
        value = best.flatten(1).gather(1, ranked.indices).double()
        if tokens_of is None:
            token = ranked.indices - row * size
        else:
            token = tokens_of.flatten(1).gather(1, ranked.indices)
        ends = token == self.model.target.eos
        # The live ones, in the order of their scores; one more, to see whether the last place was close.
        others = torch.where(ends, _NOTHING, score)
        kept = others.topk(min(beam + 1, others.shape[1]), dim=1)
        live, places = kept.values[:, :beam], kept.indices[:, :beam]
        ended = ends[:, :beam] & (score[:, :beam] > _NOTHING)
        last = self.time + 1 >= settings.max_length
        any_now = last or bool(ended.any())
        self.some = self.some or any_now
        final = self._finals(score, row, coverage) if self.some else score
        if any_now:
            now = torch.zeros_like(ends)
            now[:, :beam] = ended
            if last:
                now = now.scatter(1, places, value=True) & (final > _NOTHING)
            self._finish(now, final)
        if last:
            live = torch.full_like(live, _NOTHING)
        over = self._over(live)
        gone = int(over.sum())
        parents, tokens, values = (each.gather(1, places) for each in (row, token, value))
        candidates = (row, token, value, score)
        decided = (final, kept.values, places, live, over, self.best, self.where, self.finished)
        self.decisions.append(Decision(self.time, self.active, candidates, *decided, self._off()))
        if self.keeper.reads_rows:
            self._keep_leaders(self.decisions[-1:], logprobs)
        self.steps.append(Step(self.active, parents, tokens, values, candidates))
        self._go_on(parents, tokens, live, coverage, over, gone, rows)

    def _finals(self, score: Tensor, row: Tensor, coverage: Tensor | None) -> Tensor:
        """The scores after penalties."""
        final = score / length_term(self.time + 1, self.settings.length_penalty)
        penalties = self._penalties(coverage)
        if penalties is not None:
            final = final + penalties.gather(1, row)
        return torch.where(score > _NOTHING, final, _NOTHING)  # of what is forbidden no number may come

    def _finish(self, now: Tensor, final: Tensor) -> None:
        """The hypotheses that finish now take their places among the best."""
        kept = self.best.shape[1]
        codes = self.time * self.most + torch.arange(final.shape[1], device=final.device)
        all_final = torch.cat((self.best, torch.where(now, final, _NOTHING)), dim=1)
        all_where = torch.cat((self.where, codes.expand(len(final), -1)), dim=1)
        best = all_final.topk(kept, dim=1)
        self.best, self.where = best.values, all_where.gather(1, best.indices)
        self.finished = self.finished + now.sum(dim=1)

    def _over(self, live: Tensor) -> Tensor:
        """Whether the search of each sentence is over."""
        settings = self.settings
        none_left = live[:, 0] == _NOTHING
        if not self.some:
            return none_left
        enough = self.finished >= settings.n_best
        if settings.beam_size == 1:
            return none_left | enough
        if settings.early_stopping:
            return none_left | (enough & (self.finished >= settings.beam_size))
        return none_left | (enough & (reachable(live, settings) <= worst(self.best, settings)))

    def _mark(self, which: Tensor) -> None:
        self.marks.append((self.active, which))

    def _off(self) -> float:
        """How far apart two scores may be of which a single run finds the other higher.

        A score is a sum, but the tolerance is many times what a log-prob is off: it bounds the sum.
        """
        off = 2 * self.tolerance
        if self.settings.coverage_penalty and self.coverage is not None:
            off += self.tolerance * self.settings.coverage_penalty * self.coverage.shape[-1]
        return off

    def _keep_leaders(self, decisions: Sequence[Decision], logprobs: Tensor | None) -> None:
        """Keep the choices of the hypotheses in the lead; `logprobs` are those of their one step."""
        for led in leaders_of(decisions, self.settings, self.most):
            of_rows = (
                None if logprobs is None else self.keeper.of_rows(logprobs[led.place, led.row], led.token)
            )
            self.keeper.add(
                *(led.time.cpu().numpy(), led.sentence, led.token, led.value, led.score),
                of_rows=of_rows,
                rows=led.row,
                finished=led.finished,
                ended=led.ended,
            )

    # ---- going on ----------------------------------------------------------------------------

    def _go_on(
        self,
        parents: Tensor,
        tokens: Tensor,
        live: Tensor,
        coverage: Tensor | None,
        over: Tensor,
        gone: int,
        rows: int,
    ) -> None:
        """Take the live ones along, and leave behind sentences that are over, when they are many."""
        if gone:
            live = torch.where(over[:, None], _NOTHING, live)
        sentences = torch.arange(len(live), device=live.device)
        share = gone / len(live)
        if share >= DONE_SHARE:
            left = self.active[over]
            self.all_best[left], self.all_where[left] = self.best[over], self.where[over]
            sentences = (~over).nonzero()[:, 0]
            live, tokens, parents = live[sentences], tokens[sentences], parents[sentences]
            self.active, self.lengths = self.active[sentences], self.lengths[sentences]
            self.best, self.where = self.best[sentences], self.where[sentences]
            self.finished = self.finished[sentences]
        if not len(sentences):
            return
        self.scores, self.tokens = live, tokens
        chosen = (sentences[:, None] * rows + parents).flatten()
        same = share < DONE_SHARE and rows == 1 and parents.shape[1] == 1
        if not same:
            self.state = self.model.select(self.state, chosen)
            if rows != parents.shape[1] or share >= DONE_SHARE:
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
        """The coverage term of every row: [A, k]."""
        if coverage is None:
            return None
        return coverage_terms(coverage, self.lengths, self.settings.coverage_penalty)

    def outcome(self) -> BatchOutcome:
        """What was found, once nothing is active."""
        best = self.all_best
        off = self._off()
        wanted = self.keeper.wanted
        close = close_ones(
            self.decisions, self.settings, self.model.target.eos, off, self.count, leading=wanted
        )
        for sentences, which in self.marks:
            close[sentences] |= which
        close |= best[:, 0] == _NOTHING
        if wanted and not self.keeper.reads_rows:
            self._keep_leaders(self.decisions, None)
        close = close | (best[:, :-1] - best[:, 1:] <= off).any(dim=1)
        count = self.settings.n_best
        steps, looked = self.steps, self.looked
        choices, ends = self.keeper.all(), None
        if looked.ends is not None:
            ends = ends_of(steps, best[:, 0], self.all_where[:, 0], self.most, looked.ends, self.tolerance)
        if looked.history:
            taken = taken_of([step[:3] for step in steps], self.attended, self.tolerance)
            choices = with_history(choices, taken, self.tolerance)
            ends = None if ends is None else with_history(ends, taken, self.tolerance)
        return BatchOutcome(
            outputs_of(
                Writers(self.model, self.sources),
                steps,
                best[:, :count],
                self.all_where[:, :count],
                self.most,
            ),
            close.cpu().numpy(),
            choices,
            ends,
        )
