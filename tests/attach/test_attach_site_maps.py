"""Which submodule is which site, as it is written down: what cannot be is refused before anything runs."""

import pytest
import torch
from attaching import Program, attached, said, wait_until
from torch import nn

import s2sdap
from s2sdap.vocabulary.errors import S2sdapError

PIECES = ["a", "b", "c"]


def test_a_module_without_a_site_in_its_way_runs_on(here):
    plain = nn.Linear(3, 3)

    def call():
        with s2sdap.debug(plain, PIECES, sites={}):
            return plain(torch.ones(2, 3))

    with attached(here) as debugger:
        program = Program(call)
        assert torch.equal(program.result(), plain(torch.ones(2, 3)))
        wait_until(lambda: "none of its sites came by" in said(debugger))


@pytest.mark.parametrize(
    ("sites", "what"),
    [
        ({"atention": "attention.weights"}, "did you mean 'attention'"),
        ({"attention": "attention.wieghts"}, "no site"),
        ({"attention": "search.candidates"}, "no site"),
        ({"attention": "attention.weights KQS"}, "the axis Q"),
        ({"attention": "attention.weights KSS"}, "twice"),
        ({"attention": "decoder.state", "output": "decoder.state"}, "no layers"),
    ],
)
def test_a_map_that_cannot_be_is_refused_at_once(sites, what):
    module = nn.ModuleDict({"attention": nn.Linear(3, 3), "output": nn.Linear(3, 3)})
    with pytest.raises(S2sdapError, match=what) as caught, s2sdap.debug(module, sites=sites):
        pass
    assert caught.value.name == "bad_site_map"


def test_what_is_no_module_is_refused():
    with pytest.raises(S2sdapError) as caught, s2sdap.debug("a model"):
        pass
    assert caught.value.name == "nothing_to_debug"
