"""A caller's own processor that draws random numbers meets the same ones again, and nobody else's move."""

import torch
from generating import face_of, inputs, model_of
from transformers import GenerationMixin, LogitsProcessor

from s2sdap.decoding.generation.plan import GeneratePlan


class Shaking(LogitsProcessor):
    """Adds noise to the scores."""

    def __call__(self, ids, scores):
        return scores + torch.randn(scores.shape[-1])


def test_a_processor_that_draws_is_exact_and_its_steps_come_again():
    call = {**inputs("bart"), "logits_processor": [Shaking()], "max_new_tokens": 6}
    torch.manual_seed(5)
    expected = GenerationMixin.generate(model_of("bart"), **call)
    after = torch.get_rng_state()

    torch.manual_seed(5)
    plan = GeneratePlan.of_call(face_of("bart"), (), call)
    with plan.installed():
        encoder = plan.begin()
        records = [plan.step(encoder, encoder.after)]
        while not records[-1].after.ended:
            records.append(plan.step(encoder, records[-1].after))
        outside = torch.get_rng_state()
        again = plan.step(encoder, records[1].before)
        assert torch.equal(torch.get_rng_state(), outside)
    assert torch.equal(plan.returned(encoder, records[-1].after), expected)
    assert torch.equal(records[-1].after.state.luck.state, after)
    assert torch.equal(again.sites["prediction.logprobs"], records[1].sites["prediction.logprobs"])
