"""Going through a stage part by part: the same run, stopped more finely."""

import pytest
import torch
from arming import at
from jaxtyping import Float
from models.hf_tiny import loaded

from s2sdap import Session
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.scopes import scopes_of
from s2sdap.debugger.stops import StopReason
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

assert Float  # annotations of the package are checked while it is tested
pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


@pytest.fixture
def session():
    """The date model at its encoder."""
    session = Session.open(model="dates", source="March 3, 1999")
    session.start()
    return session


def walked(session, stage, step=0):
    """What the stops of one stage of a step say, going part by part."""
    told = []
    while True:
        stop = session.step_part()
        here = (stop.cursor.stage, stop.cursor.step)
        if here == (stage, step):
            told.append(stop.text)
        elif told:
            return told


def test_the_steps_of_an_attention_decoder_with_their_shapes(session):
    told = [session.step_part().text for _ in range(11)]
    assert [each.split(":")[0] for each in told] == [
        *("inputs", "decoder.layers", "decoder.state"),
        *("attention.scores", "attention.weights", "attention.context"),
        *("together", "prediction.features", "prediction.logits", "prediction.logprobs", ""),
    ]
    assert told[0] == "inputs: embedding of the token before [D] 32"
    assert told[3] == "attention.scores: [L H S] 1x1x13, scores before the softmax"
    assert told[6] == "together: state and context [D] 128"
    assert session.cursor.stage is Stage.SEARCH
    assert "decoder state before [D] 64" in session.step_part().text


def test_a_part_shows_what_has_come_and_no_more(session):
    session.step_part()
    assert not session.frame.has(sites.DECODER_STATE)
    with pytest.raises(S2sdapError) as refused:
        session.evaluate("state[0]")
    assert refused.value.name == "not_yet"
    while session.frame.part is None or session.frame.part.name != sites.ATTENTION_SCORES:
        session.step_part()
    frame = session.frame
    assert frame.has(sites.ATTENTION_SCORES)
    assert not frame.has(sites.ATTENTION_WEIGHTS)
    assert frame.has(sites.DECODER_STATE)
    assert [each.name for each in scopes_of(frame)[0].items()] == ["scores"]
    session.step_part()
    assert [each.name for each in scopes_of(session.frame)[0].items()] == ["scores", "weights"]


def test_other_motions_come_to_the_stage_itself_first(session):
    session.step_part()
    stop = session.step_in()
    assert (stop.cursor.stage, session.frame.part) == (Stage.DECODER, None)
    assert session.frame.has(sites.DECODER_STATE)
    assert session.step_in().cursor.stage is Stage.ATTENTION
    session.step_part()
    assert session.next().cursor.stage is Stage.SEARCH
    assert session.evaluate("step") == 0
    session.step_part()
    assert (session.cursor.step, session.cursor.stage) == (1, Stage.DECODER)


def test_back_goes_over_parts_then_over_stages(session):
    names = [session.step_part().text for _ in range(6)]
    back = [session.step_back(stage=True).text for _ in range(2)]
    assert back == names[4:2:-1]
    assert session.step_back(stage=True).cursor.stage is Stage.DECODER
    assert session.frame.part is None
    session.step_part()
    session.step_part()
    session.step_back()
    assert session.cursor.step == -1


def test_what_stops_at_a_stage_asks_once_it_has_come(session):
    plain = Session.open(model="dates", source="March 3, 1999")
    for each in (session, plain):
        each.armed = Armed.of(stages=(at("prediction", model=each.model),))
    plain.start()
    plain.continue_()
    met = []
    for _ in range(10):
        met.append(session.step_part())
    assert [each.reason for each in met].count(StopReason.STAGE) == 1
    assert met[-1].reason is StopReason.STAGE
    assert met[-1].breakpoints == plain.stop.breakpoints
    session.step_back(stage=True)
    assert session.continue_().reason is StopReason.STAGE  # it had gone back before that place


def test_an_edit_within_a_stage_stays_at_its_part(session):
    while session.frame.part is None or session.frame.part.name != sites.ATTENTION_WEIGHTS:
        session.step_part()
    row = torch.zeros(13)
    row[7] = 1
    session.set_attention(row.tolist())
    frame = session.frame
    assert frame.part is not None
    assert frame.part.name == sites.ATTENTION_WEIGHTS
    assert frame.attention().tolist() == row.tolist()
    session.step_part()
    states = session.frame.site(sites.ENCODER_STATES)
    assert torch.allclose(session.frame.site(sites.ATTENTION_CONTEXT), states[7])
    session.undo()
    assert session.frame.part is None


def test_a_run_in_parts_is_the_run(session):
    other = Session.open(model="dates", source="March 3, 1999")
    other.start()
    other.continue_()
    while session.step_part().reason is not StopReason.END:
        pass
    assert session.results == other.results


def test_layers_are_told_one_by_one():
    session = Session.open(model=loaded("marian"), source="a b c")
    session.start()
    told = walked(session, Stage.ATTENTION)
    layers = [each for each in told if each.startswith("attention.weights[")]
    assert len(layers) >= 2
    assert layers[0].startswith("attention.weights[0]: [H S] ")


def test_of_a_site_that_comes_in_layers_those_are_shown_that_have_come():
    session = Session.open(model=loaded("marian"), source="a b c")
    session.start()
    while session.frame.part is None or session.frame.part.layer is None:
        session.step_part()
    site = session.frame.part.name
    first = session.frame.site(site)
    assert len(first) == 1
    session.step_part()
    assert torch.equal(session.frame.site(site)[:1], first)
    assert len(session.frame.site(site)) == 2
