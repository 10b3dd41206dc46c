"""The checkpoint that OpenNMT-py's own tests came with in 2017: it writes what OpenNMT-py wrote with it.

`test_model2.tgt` is its output of then. How it searched is not told: greedy search and a beam of 5, which
was the default, write the same 198 lines here. The largest difference between the score of one of the 198
and the one that a forward pass apart from ours gives it is 9.1e-7 nats; the bound is some twenty times that,
for other processors.
"""

import itertools
from pathlib import Path

import pytest
import torch
from test_opennmt_models import forward

from s2sdap import SearchSettings, decode
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.models.opennmt.loading import load
from s2sdap.models.opennmt.torch_file import read_torch_file

DATA = Path(__file__).parents[3] / "shared" / "data" / "opennmt-py-2017"
FILE = DATA / "test_model2.brnn-lstm150x2.2017-08-28.pt"


@pytest.fixture(scope="module")
def model():
    if not FILE.is_file():
        pytest.skip("../shared/data/opennmt-py-2017 is absent: parity with a real checkpoint is not tested")
    return load(str(FILE))


def lines(name):
    return (DATA / "data" / name).read_text("utf-8").splitlines()


def test_its_scores_are_those_of_a_plain_forward_pass(model):
    file = read_torch_file(FILE.read_bytes())
    weights, generator = (
        {
            name.replace("emb_luts", "make_embedding.emb_luts"): file.tensor(each)
            for name, each in part.items()
        }
        for part in (file.value["model"], file.value["generator"])
    )
    pairs = zip(lines("test_model2.src"), lines("test_model2.tgt"), strict=True)
    for line, reference in itertools.islice(pairs, 0, None, 9):
        (output,) = decode(model, line, SearchSettings(max_length=100))
        assert output.text == reference
        source = torch.tensor([token.id for token in model.tokenize(line).tokens])
        inputs = torch.tensor([model.target.bos, *output.tokens[:-1]])
        logits = forward(weights, generator, "LSTM", source, inputs).double().log_softmax(-1)
        score = float(logits[range(len(output.tokens)), output.tokens].sum())
        assert output.score == pytest.approx(score, abs=2e-5)


@pytest.mark.parametrize(
    ("name", "beam", "right", "count"),
    [
        ("test_model2.{}", 1, 198, 198),
        ("test_model2.{}", 5, 198, 198),
        ("morph/{}.valid", 1, 193, 196),
        ("morph/{}.valid", 5, 193, 196),
    ],
)
def test_it_writes_its_own_198_outputs(model, name, beam, right, count):
    program = read_program(*(str(DATA / "data" / name.format(side)) for side in ("src", "tgt")))
    corpus = Corpus(model, program, SearchSettings(beam_size=beam, max_length=100))
    results = [decoded.result for decoded in corpus]
    assert (sum(result.text == result.sentence.reference for result in results), len(results)) == (
        right,
        count,
    )
