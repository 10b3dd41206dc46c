"""An edit of the state or the context reaches the next step wherever the network carries it there.

The next step is computed again by the bare network from a state made by hand.
"""

from dataclasses import replace

import pytest
import torch
from models.small_networks import config_name
from same_records import run_again
from tiny_models import CONFIGS, rnn

from s2sdap import SearchSettings
from s2sdap.decoding.edits import SiteEdit, TokenEdit
from s2sdap.decoding.step import Decode
from s2sdap.models.contract import untouched

SETTINGS = SearchSettings(max_length=5, min_length=5)


class Keeping:
    """A probe that keeps what it sees, and touches nothing."""

    def __init__(self):
        self.seen = {}

    def __call__(self, site, value):
        self.seen[site] = value
        return value


def same_tokens(records):
    return [TokenEdit(record.step, 1, record.candidates.token[0].item()) for record in records]


@pytest.mark.parametrize("config", CONFIGS[::7], ids=config_name)
def test_an_edited_decoder_state_is_the_one_that_the_next_step_starts_from(config):
    plan = Decode.of(rnn(config), "abcdh", SETTINGS)
    encoder, records = run_again(plan)
    values = tuple((0.5 - records[1].sites["decoder.state"][0]).tolist())
    _, edited = run_again(plan, [SiteEdit(1, 1, "decoder.state", values), *same_tokens(records)])
    carried = edited[1].after.state
    assert torch.equal(carried.hidden[-1][0], torch.tensor(values))
    assert not torch.equal(edited[1].sites["prediction.logits"], records[1].sites["prediction.logits"])
    # The next step of the bare network from the unedited state, with the edited one in its place.
    tokens = torch.tensor([records[1].after.live[0].token])
    by_hand = replace(
        records[1].after.state,
        hidden=(*records[1].after.state.hidden[:-1], torch.tensor([values])),
        feed=carried.feed,
    )
    probe = Keeping()
    with torch.no_grad():
        logits, _ = plan.model.step(encoder.encoded, by_hand, tokens, probe)
    assert torch.equal(edited[2].sites["prediction.logits"], logits)
    assert torch.equal(edited[2].sites["decoder.state"], probe.seen["decoder.state"])
    assert not torch.equal(edited[2].sites["decoder.state"], records[2].sites["decoder.state"])


@pytest.mark.parametrize(
    "config", [config for config in CONFIGS if config.attention == "general"][::4], ids=config_name
)
def test_an_edited_context_reaches_the_next_step_where_the_network_feeds_it(config):
    """Through the cell where the query is the previous state, through the features where they are fed."""
    plan = Decode.of(rnn(config), "abcdh", SETTINGS)
    encoder, records = run_again(plan)
    values = tuple((0.5 - records[1].sites["attention.context"][0]).tolist())
    _, edited = run_again(plan, [SiteEdit(1, 1, "attention.context", values), *same_tokens(records)])
    assert not torch.equal(edited[1].sites["prediction.logits"], records[1].sites["prediction.logits"])
    carries = config.input_feed or config.attention_query == "previous"
    moved = not torch.equal(edited[2].sites["decoder.state"], records[2].sites["decoder.state"])
    assert moved == carries
    with torch.no_grad():
        logits, _ = plan.model.step(
            encoder.encoded,
            edited[1].after.state,
            torch.tensor([records[1].after.live[0].token]),
            untouched,
        )
    assert torch.equal(edited[2].sites["prediction.logits"], logits)
