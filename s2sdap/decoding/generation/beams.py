"""The choice of beam search and beam sampling, as `GenerationMixin._beam_search` makes it.

Every decision is made by transformers' own functions. They carry `beam_indices` along with each
beam they move; one more column in it, a tracer, tells afterwards which candidate went where.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from s2sdap.decoding.asked import Asked, check_some_left
from s2sdap.decoding.generation.beam_forcing import LIFT, NOWHERE, Picked, count_what_is_forbidden, picked
from s2sdap.decoding.generation.beam_telling import OLD, Beams, Telling
from s2sdap.decoding.generation.choice import Chosen, eos_tokens
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.records import Hypothesis, Snapshot, root


def begin(prepared: Prepared) -> tuple[Beams, tuple[Hypothesis, ...]]:
    """Of every sentence the first beam is live, the others wait for its continuations."""
    ids, config = prepared.ids, prepared.config
    beams = config.num_beams
    batch, prompt = ids.shape[0] // beams, ids.shape[1]
    running = ids.reshape(batch, beams, prompt)
    zeros = torch.zeros((batch, beams), dtype=torch.float, device=ids.device)
    scores = zeros.clone()
    scores[:, 1:] = -1e9
    history = torch.full((batch, beams, 0), -1, dtype=torch.int32, device=ids.device)
    state = Beams(
        running=running,
        finished=running.clone(),
        running_scores=scores,
        finished_scores=torch.full_like(zeros, -1e9),
        running_history=history,
        finished_history=history,
        is_finished=torch.zeros((batch, beams), dtype=torch.bool, device=ids.device),
        improvable=torch.ones((batch, 1), dtype=torch.bool, device=ids.device),
        rows=tuple(range(0, batch * beams, beams)),
        levels=(0,) * batch,
        ends=(None,) * (batch * beams),
        prompt=prompt,
        returned=config.num_return_sequences,
    )
    live = tuple(
        root(int(running[sentence, 0, -1]), sentence + 1, sentence=sentence) for sentence in range(batch)
    )
    return state, live


def filling(prepared: Prepared) -> int:
    """What stands after the end of a sequence."""
    config = prepared.config
    pad, eos = config._pad_token_tensor, config._eos_token_tensor
    value: Any = pad or eos[0] if eos is not None else -1  # the very rule of `_beam_search`
    return int(value)


def choose(
    model: Any,
    prepared: Prepared,
    before: Snapshot,
    state: Beams,
    processed: Processed,
    asked: Asked,
    scores: tuple[Tensor, ...] | None,
) -> Chosen:
    """The beams of the next step. `processed` are log-probs [R, V]."""
    config = prepared.config
    batch, beams, length = state.running.shape
    ends = eos_tokens(prepared)
    keep = max(2, 1 + len(_eos_list(prepared))) * beams
    logprobs = processed.final
    accumulated = logprobs.reshape(batch, beams, -1) + state.running_scores[:, :, None]
    vocabulary = accumulated.shape[-1]
    accumulated = accumulated.reshape(batch, -1)
    check_some_left(asked, before, state.rows)
    count_what_is_forbidden(accumulated, state.running_scores, processed, asked)

    blank = filling(prepared)
    running = functional.pad(state.running, (0, 1), value=blank)
    finished = functional.pad(state.finished, (0, 1), value=blank)
    running_history = functional.pad(state.running_history, (0, 2), value=-1)
    finished_history = functional.pad(state.finished_history, (0, 2), value=-1)
    finished_history[..., -1] = OLD + torch.arange(beams, dtype=torch.int32, device=finished_history.device)

    def continued(scores: Tensor, *, do_sample: bool) -> tuple[Tensor, Tensor, Tensor]:
        top: tuple[Tensor, Tensor, Tensor] = model._get_top_k_continuations(
            accumulated_log_probs=scores,
            running_sequences=running,
            running_beam_indices=running_history,
            cur_len=length,
            decoder_prompt_len=state.prompt,
            do_sample=do_sample,
            beams_to_keep=keep,
            num_beams=beams,
            batch_size=batch,
        )
        return top

    top_scores, top_running, top_history = continued(accumulated, do_sample=config.do_sample)
    picks: list[Picked | None] = [None] * batch
    if asked != Asked() or any(each.forced for each in before.live):
        at = top_history[..., length - state.prompt].long() % beams
        drawn = at * vocabulary + top_running[..., length]
        live = dict(zip(state.rows, state.levels, strict=True))
        for sentence in range(batch):
            picks[sentence] = picked(
                sentence,
                accumulated[sentence],
                drawn[sentence],
                live,
                asked,
                before.step + 1,
                ends,
                vocabulary,
                sampled=config.do_sample,
            )
        places = [drawn[i] if pick is None else pick.places for i, pick in enumerate(picks)]
        order = torch.full_like(accumulated, -torch.inf)
        order.scatter_(
            1, torch.stack(places), -torch.arange(keep, device=order.device).expand(batch, -1).float()
        )
        _, top_running, top_history = continued(order, do_sample=False)
        top_scores = accumulated.gather(1, torch.stack(places))
    top_history[..., -1] = torch.arange(keep, dtype=torch.int32, device=top_history.device)
    hits = prepared.criteria(model._flatten_beam_dim(top_running), scores)
    hits = model._unflatten_beam_dim(hits, batch, keep)
    top = _Top(top_scores, top_running, top_history, hits)
    kept = _Finished(finished, state.finished_scores, finished_history, state.is_finished, state.improvable)
    if all(pick is None for pick in picks):
        moved = _moved(model, config, top, kept, length, state.prompt, None)
    else:  # a sentence in which nobody chose goes on as it would by itself
        moved = _Moved(
            *map(
                torch.cat,
                zip(
                    *(
                        _moved(model, config, _at(top, i), _at(kept, i), length, state.prompt, pick)
                        for i, pick in enumerate(picks)
                    ),
                    strict=True,
                ),
            )
        )
    early = [_early_stopping(config, pick) for pick in picks]
    goes_on = model._beam_search_has_unfinished_sequences(
        moved.improvable, moved.is_finished, hits, early[0] if len(set(early)) == 1 else False
    )
    order = moved.history[..., length - state.prompt].flatten()
    told = Telling(
        prepared=prepared,
        before=before,
        state=state,
        processed=processed,
        tokens=top_running[..., length].tolist(),
        parents=top_history[..., length - state.prompt].tolist(),
        scores=top_scores.tolist(),
        empty=[() if pick is None else tuple(pick.empty.tolist()) for pick in picks],
        hits=hits.tolist(),
        came=moved.history[..., -1].tolist(),
        ended_at=moved.finished_history[..., -1].tolist(),
        is_finished=moved.is_finished.tolist(),
        early_stopping=early,
        asked=asked,
        ends=ends,
        over=not bool(goes_on),
    )
    return told.choice(
        Beams(
            running=moved.running,
            finished=moved.finished,
            running_scores=moved.scores,
            finished_scores=moved.finished_scores,
            running_history=moved.history[..., :-1],
            finished_history=moved.finished_history[..., :-1],
            is_finished=moved.is_finished,
            improvable=moved.improvable,
            rows=(),
            levels=(),
            ends=(),
            prompt=state.prompt,
            returned=state.returned,
        ),
        order,
    )


class _Top(NamedTuple):
    """The best continuations [B, keep] of a step, and which of them meet a stopping criterion."""

    scores: Tensor
    running: Tensor
    history: Tensor
    hits: Tensor


class _Finished(NamedTuple):
    """The finished sequences [B, N] before a step, and whether they can still be improved on."""

    sequences: Tensor
    scores: Tensor
    history: Tensor
    is_finished: Tensor
    improvable: Tensor


class _Moved(NamedTuple):
    """What a step made of the beams, field by field as in `Beams`."""

    running: Tensor
    scores: Tensor
    history: Tensor
    finished: Tensor
    finished_scores: Tensor
    finished_history: Tensor
    is_finished: Tensor
    improvable: Tensor


def _at(values: Any, sentence: int) -> Any:
    return type(values)(*(each[sentence : sentence + 1] for each in values))


def _early_stopping(config: Any, pick: Picked | None) -> bool | str:
    """A person's choice is waited for, even where transformers would have seen enough."""
    waits = pick is not None and pick.chosen and config.early_stopping is True
    early: bool | str = False if waits else config.early_stopping
    return early


def _moved(
    model: Any, config: Any, top: _Top, kept: _Finished, length: int, prompt: int, pick: Picked | None
) -> _Moved:
    """The beams after a step: of all sentences, or of the one in which `pick` holds a choice."""
    early_stopping = _early_stopping(config, pick)
    beams = kept.scores.shape[1]
    ranks = ends = top.scores
    if pick is not None:
        ranks = pick.ranks(top.scores)
        ends = pick.ends(top.scores, float((length + 1 - prompt) ** config.length_penalty))
    running, scores, history = model._get_running_beams_for_next_iteration(
        topk_log_probs=ranks,
        topk_running_sequences=top.running,
        topk_running_beam_indices=top.history,
        next_token_hits_stopping_criteria=top.hits,
        num_beams=beams,
    )
    finished, finished_scores, finished_history, is_finished = model._update_finished_beams(
        sequences=kept.sequences,
        topk_running_sequences=top.running,
        beam_scores=kept.scores,
        topk_log_probs=ends,
        beam_indices=kept.history,
        topk_running_beam_indices=top.history,
        is_early_stop_heuristic_unsatisfied=kept.improvable,
        is_sent_finished=kept.is_finished,
        next_token_hits_stopping_criteria=top.hits,
        top_num_beam_mask=torch.arange(top.scores.shape[1], device=top.hits.device) < beams,
        num_beams=beams,
        cur_len=length,
        decoder_prompt_len=prompt,
        length_penalty=config.length_penalty,
        early_stopping=early_stopping,
    )
    hopes = scores
    if pick is not None:  # the choice has its place now; from here on it counts for what it is
        came = history[..., -1].long()
        scores = (top.scores + top.hits.to(torch.float32) * NOWHERE).gather(1, came)
        scores = torch.where(pick.empty[None].gather(1, came), NOWHERE, scores)
        longest = config.max_length if early_stopping == "never" and config.length_penalty > 0 else length + 1
        term = float((longest - prompt) ** config.length_penalty)
        hopes = scores.double() + LIFT * term * pick.level[None].gather(1, came)
        hopes = hopes.max(dim=1, keepdim=True).values
    improvable = model._check_early_stop_heuristic(
        is_early_stop_heuristic_unsatisfied=kept.improvable,
        running_beam_scores=hopes,
        beam_scores=finished_scores,
        is_sent_finished=is_finished,
        cur_len=length + 1,
        max_length=config.max_length,
        decoder_prompt_len=prompt,
        early_stopping=early_stopping,
        length_penalty=config.length_penalty,
    )
    return _Moved(
        running, scores, history, finished, finished_scores, finished_history, is_finished, improvable
    )


def _eos_list(prepared: Prepared) -> list[int]:
    eos = prepared.config._eos_token_tensor
    return [] if eos is None else eos.flatten().tolist()
