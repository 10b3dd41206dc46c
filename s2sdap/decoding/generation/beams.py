"""The choice of beam search and beam sampling, as `GenerationMixin._beam_search` makes it.

Every decision is made by transformers' own functions. They carry `beam_indices` along with each
beam they move; one more column in it, a tracer, tells afterwards which candidate went where.
"""

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from s2sdap.decoding.generation.beam_telling import OLD, Beams, Telling
from s2sdap.decoding.generation.choice import Chosen, eos_tokens, root
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.records import Hypothesis, Snapshot

_LIFT: Final = 1.0e4
"""What lifts a person's choice over every score; taken off again at once."""


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
    prefixed: Mapping[int, int],
    chosen: Mapping[int, int],
    scores: tuple[Tensor, ...] | None,
) -> Chosen:
    """The beams of the next step. `processed` are log-probs [R, V]; forced tokens are given by row."""
    config = prepared.config
    batch, beams, length = state.running.shape
    ends = eos_tokens(prepared)
    keep = max(2, 1 + len(_eos_list(prepared))) * beams
    logprobs = processed.final
    accumulated = logprobs.reshape(batch, beams, -1) + state.running_scores[:, :, None]
    vocabulary = accumulated.shape[-1]
    accumulated = accumulated.reshape(batch, -1)
    lifted = _lifted(accumulated, before, state, processed, prefixed, chosen, vocabulary)
    # A person's choice is waited for, even where transformers would have seen enough.
    early_stopping = config.early_stopping if lifted is None else False
    choosing = accumulated if lifted is None else lifted

    blank = filling(prepared)
    running = functional.pad(state.running, (0, 1), value=blank)
    finished = functional.pad(state.finished, (0, 1), value=blank)
    running_history = functional.pad(state.running_history, (0, 2), value=-1)
    finished_history = functional.pad(state.finished_history, (0, 2), value=-1)
    finished_history[..., -1] = OLD + torch.arange(beams, dtype=torch.int32, device=finished_history.device)
    top_scores, top_running, top_history = model._get_top_k_continuations(
        accumulated_log_probs=choosing,
        running_sequences=running,
        running_beam_indices=running_history,
        cur_len=length,
        decoder_prompt_len=state.prompt,
        do_sample=config.do_sample,
        beams_to_keep=keep,
        num_beams=beams,
        batch_size=batch,
    )
    top_history[..., -1] = torch.arange(keep, dtype=torch.int32, device=top_history.device)
    hits = prepared.criteria(model._flatten_beam_dim(top_running), scores)
    hits = model._unflatten_beam_dim(hits, batch, keep)
    next_running, next_scores, next_history = model._get_running_beams_for_next_iteration(
        topk_log_probs=top_scores,
        topk_running_sequences=top_running,
        topk_running_beam_indices=top_history,
        next_token_hits_stopping_criteria=hits,
        num_beams=beams,
    )
    mask = torch.arange(keep, device=hits.device) < beams
    finished, finished_scores, finished_history, is_finished = model._update_finished_beams(
        sequences=finished,
        topk_running_sequences=top_running,
        beam_scores=state.finished_scores,
        topk_log_probs=top_scores,
        beam_indices=finished_history,
        topk_running_beam_indices=top_history,
        is_early_stop_heuristic_unsatisfied=state.improvable,
        is_sent_finished=state.is_finished,
        next_token_hits_stopping_criteria=hits,
        top_num_beam_mask=mask,
        num_beams=beams,
        cur_len=length,
        decoder_prompt_len=state.prompt,
        length_penalty=config.length_penalty,
        early_stopping=early_stopping,
    )
    came = next_history[..., -1].long()
    order = next_history[..., length - state.prompt].flatten()
    improvable = model._check_early_stop_heuristic(
        is_early_stop_heuristic_unsatisfied=state.improvable,
        running_beam_scores=next_scores,
        beam_scores=finished_scores,
        is_sent_finished=is_finished,
        cur_len=length + 1,
        max_length=config.max_length,
        decoder_prompt_len=state.prompt,
        early_stopping=early_stopping,
        length_penalty=config.length_penalty,
    )
    goes_on = model._beam_search_has_unfinished_sequences(improvable, is_finished, hits, early_stopping)
    if lifted is not None:  # the choice has its place now; from here on it counts for what it is
        parents = top_history[..., length - state.prompt].long() % beams
        true = accumulated.gather(1, parents * vocabulary + top_running[..., length])
        next_scores = (true + hits.to(torch.float32) * -1.0e9).gather(1, came)
    told = Telling(
        prepared=prepared,
        before=before,
        state=state,
        accumulated=accumulated,
        processed=processed,
        tokens=top_running[..., length].tolist(),
        parents=top_history[..., length - state.prompt].tolist(),
        hits=hits.tolist(),
        came=came.tolist(),
        ended_at=finished_history[..., -1].tolist(),
        is_finished=is_finished.tolist(),
        chosen=chosen,
        forced={**prefixed, **chosen},
        ends=ends,
        vocabulary=vocabulary,
        over=not bool(goes_on),
    )
    return told.choice(
        Beams(
            running=next_running,
            finished=finished,
            running_scores=next_scores,
            finished_scores=finished_scores,
            running_history=next_history[..., :-1],
            finished_history=finished_history[..., :-1],
            is_finished=is_finished,
            improvable=improvable,
            rows=(),
            ends=(),
            prompt=state.prompt,
            returned=state.returned,
        ),
        order,
    )


def _eos_list(prepared: Prepared) -> list[int]:
    eos = prepared.config._eos_token_tensor
    return [] if eos is None else eos.flatten().tolist()


def _lifted(
    accumulated: Tensor,
    before: Snapshot,
    state: Beams,
    processed: Processed,
    prefixed: Mapping[int, int],
    chosen: Mapping[int, int],
    vocabulary: int,
) -> Tensor | None:
    """Scores [B, N V] in which what a person chose stands above everything; `None` without a choice.

    A given token takes its row whole; a hypothesis that carries a choice keeps a place. A token that
    the settings forbid counts, in `accumulated` too, what the model itself thinks of it.
    """
    forced = {**prefixed, **chosen}
    carried = {
        row for row, each in zip(state.rows, before.live, strict=True) if each.forced and row not in forced
    }
    if not forced and not carried:
        return None
    beams = state.running.shape[1]
    scores = accumulated.clone().reshape(-1, vocabulary)
    for row, token in forced.items():
        value = scores[row, token].clone()
        if value == -torch.inf:
            own = torch.log_softmax(processed.raw[row], dim=-1)[token]
            value = own + state.running_scores[row // beams, row % beams]
            accumulated[row // beams, (row % beams) * vocabulary + token] = value
        scores[row] = -torch.inf
        scores[row, token] = value + (_LIFT if row in chosen else 0.0)
    for row in carried:
        best = scores[row].argmax()
        scores[row, best] += _LIFT
    return scores.reshape(accumulated.shape)
