"""Every kind of edit through each door: the same edits, and the records of a fresh run with them."""

import pytest
from dap_doors import back, edit, eldest, expression, fresh, repl, variable
from in_process import adapter_in_process
from models.hf_tiny import folder_of
from same_records import assert_same

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
DATE = "March 3, 1999"
BEAM = {"beamSize": 3, "nBest": 3}
STEP = 3


@pytest.fixture(scope="module")
def at_a_step():
    """A session whose adapter lives here, at step 3 of a beam search."""
    with adapter_in_process() as session:
        session.launch(source=f"{DATE}\nMay 14, 2001", search=BEAM)
        session.stopped("entry")
        for _ in range(STEP + 2):
            session.go("next")
        yield session


def to_the_end(session):
    """To the end of the sentence on the branch that an edit has grown."""
    session.go("stepOut", threadId=eldest(session))
    return session.debugged.walk.branch


ZEROS = [0.0] * 64
KINDS = {
    "token": (
        variable(("Prediction", "token"), "'7'"),
        expression("token", "7"),
        repl('force "7"'),
        edit(token="7"),
        edit(command="force 7"),
        edit(edits=[{"edit": "token", "step": STEP, "hypothesis": 1, "token": 12}]),
    ),
    "prefix": (
        variable(("Search", "output"), "2005"),
        expression("prefix", "'2005'"),
        repl("prefix 2005"),
        edit(prefix="2005"),
        edit(prefix=["2", "0", "0", "5"]),
    ),
    "one weight": (
        variable(("Attention", "weights", "4"), "0.9"),
        expression("attention[4]", "0.9"),
        repl("attention[4] = 0.9"),
        edit(position=4, weight=0.9),
    ),
    "a row": (
        variable(("Attention", "weights"), "[1, 1" + ", 0" * 11 + "]"),
        expression("attention", "1 1" + " 0" * 11),
        repl("attend 1 1" + " 0" * 11),
        edit(weights=[1, 1, *[0] * 11]),
        edit(site="attention.weights", values=[1, 1, *[0] * 11]),
    ),
    "words": (
        variable(("Attention", "weights"), "1999=0.6 March=0.1"),
        expression("attention", "1999=0.6 March=0.1"),
        repl("attend 1999=0.6 March=0.1"),
        edit(words={"1999": 0.6, "March": 0.1}),
    ),
    "one layer and head": (
        expression("attention[L0.H0]", "[2]=1"),
        repl("attention[L0.H0]: [2]=1"),
        repl("attend L0.H0 [2]=1"),
        edit(words={"[2]": 1}, layer=0, head=0),
        edit(words={"r": 1}, layer=0, head=0),
    ),
    "state zero": (
        variable(("Decoder", "state"), "0"),
        expression("state", "zero"),
        repl("zero state"),
        edit(site="decoder.state", zero=True),
        edit(site="decoder.state", values=ZEROS),
    ),
    "one number of the state": (
        variable(("Decoder", "state", "5"), "0.25"),
        expression("state[5]", "0.25"),
        repl("state[5] = 0.25"),
        edit(site="decoder.state", index=[5], values=[0.25]),
    ),
    "state of an earlier step": (
        variable(("Decoder", "state"), "step 1"),
        expression("state", "from step 1"),
        repl("copy state from step 1"),
        edit(site="decoder.state", copy={"step": 1}),
    ),
    "context": (
        variable(("Attention", "context"), "zero"),
        expression("context", "0"),
        repl("context = 0"),
        edit(site="attention.context", zero=True),
    ),
    "encoder state": (
        variable(("Encoder", "states", "9"), "token 2"),
        expression("states[9]", "token 2"),
        repl("copy states[9] from token 2"),
        edit(site="encoder.states", index=[9], copy={"token": 2}),
    ),
    "a logit": (
        variable(("Prediction", "logits", "12"), "9.5"),
        expression('logits["7"]', "9.5"),
        repl("logits[12] = 9.5"),
        edit(site="prediction.logits", index=[12], values=[9.5]),
    ),
    "a ban": (
        variable(("Prediction", "logits", "12"), "ban"),
        expression('logits["7"]', "ban"),
        repl('ban "7"'),
        edit(ban=["7"]),
    ),
    "a boost": (repl('boost "7" 4.5'), edit(boost={"7": 4.5}), edit(command="boost #12 4.5")),
    "pruning": (
        variable(("Search", "began with", "hypothesis 1"), "pruned"),
        expression("hypothesis[1]", "pruned"),
        repl("prune 1"),
        edit(prune=1),
    ),
    "revival": (
        expression("candidates[5]", "survived"),
        repl("revive candidate 5"),
        edit(revive={"candidate": 5}),
        variable(("Search", "candidates", "5", "fate"), "survived"),
    ),
    "a setting": (
        variable(("Settings", "search", "beamSize"), "5"),
        expression('settings["beamSize"]', "5"),
        repl("set beamSize=5"),
        edit(settings={"beamSize": 5}),
    ),
    "source": (
        variable(("Encoder", "text"), "'June 3, 1999'"),
        expression("source", "June 3, 1999"),
        repl("source June 3, 1999"),
        edit(source="June 3, 1999"),
        expression('source["March"]', "June"),
        repl('source["March"] = June'),
    ),
    "a token of the source": (
        variable(("Encoder", "source", "6"), "4"),
        expression("source[6]", "4"),
        repl("source[6] = 4"),
    ),
}


@pytest.fixture(scope="module")
def dates():
    return load_model("dates")


def shown(branch):
    """What a person sees of a branch up to the step that is edited here, and of its source."""
    records = [
        (record.candidates.score.tolist(), record.candidates.fate.tolist(), len(record.after.live))
        for record in branch.records[: STEP + 1]
    ]
    return branch.encoder.source.text, records


@pytest.mark.parametrize("kind", KINDS)
def test_every_door_leads_to_the_records_of_a_fresh_run(at_a_step, dates, kind):
    session = at_a_step
    unedited, first, expected = shown(session.debugged.branches[0]), None, None
    for door in KINDS[kind]:
        back(session, STEP)
        door(session)
        listed = session.request("s2s/edits")["edits"]
        branch = to_the_end(session)
        assert branch.edits == from_plain([each["edit"] for each in listed])
        if first is None:
            first = branch.edits
            _, *expected = fresh(dates, SearchSettings(beam_size=3, n_best=3), first, DATE)
        assert branch.edits == first
        assert_same([branch.encoder, branch.records], expected)
        assert shown(branch) != unedited, "the edit has had no effect"


# ---------------------------------------------------------------- a Hugging Face model

TEXT = "the cat sat on the mat"
HF_KINDS = {
    "token": (
        variable(("Prediction", "token"), "#7"),
        expression("token", "#7"),
        repl("force #7"),
        edit(token="#7"),
    ),
    "prefix": (
        variable(("Search", "output"), "the cat"),
        expression("prefix", "the cat"),
        repl("prefix the cat"),
        edit(prefix="the cat"),
    ),
    "words of one head": (
        variable(("Attention", "heads", "L1.H2"), "cat=0.7 mat=0.3"),
        expression("attention[L1.H2]", "cat=0.7 mat=0.3"),
        repl("attend L1.H2 cat=0.7 mat=0.3"),
        edit(words={"cat": 0.7, "mat": 0.3}, layer=1, head=2),
    ),
    "state": (
        variable(("Decoder", "state"), "step 1"),
        expression("state", "step 1"),
        repl("copy state from step 1"),
        edit(site="decoder.state", copy={"step": 1}),
    ),
    "context of one head": (
        variable(("Attention", "contexts", "1", "2"), "zero"),
        expression("contexts[1][2]", "0"),
        repl("zero contexts[1][2]"),
        edit(site="attention.contexts", index=[1, 2], zero=True),
    ),
    "encoder state": (
        variable(("Encoder", "states", "1"), "zero"),
        expression("states[1]", "zero"),
        repl("zero states[1]"),
        edit(site="encoder.states", index=[1], zero=True),
    ),
    "a logit": (
        variable(("Prediction", "logits", "5"), "3"),
        expression("logits[5]", "3"),
        repl("logits[#5] = 3"),
        edit(site="prediction.logits", index=[5], values=[3]),
    ),
    "a ban": (
        variable(("Prediction", "logits", "5"), "ban"),
        expression("logits[5]", "ban"),
        repl("ban #5"),
        edit(ban=[5]),
    ),
    "pruning": (
        variable(("Search", "began with", "hypothesis 1"), "pruned"),
        expression("hypothesis[1]", "pruned"),
        repl("prune 1"),
        edit(prune=1),
    ),
    "revival": (
        variable(("Search", "candidates", "4", "fate"), "survived"),
        expression("candidates[4]", "survived"),
        repl("revive candidate 4"),
        edit(revive={"candidate": 4}),
    ),
    "a setting": (
        variable(("Settings", "search", "num_beams"), "2"),
        expression('settings["num_beams"]', "2"),
        repl("set num_beams=2"),
        edit(settings={"num_beams": 2}),
    ),
    "source": (
        variable(("Encoder", "text"), "the dog sat"),
        expression("source", "the dog sat"),
        repl("source the dog sat"),
        edit(source="the dog sat"),
    ),
}


@pytest.fixture(scope="module")
def marian():
    return folder_of("marian")


@pytest.fixture(scope="module")
def at_a_step_of_generate(marian):
    with adapter_in_process() as session:
        session.launch(source=TEXT, model=f"hf:{marian}", generation={"max_new_tokens": 6, "num_beams": 3})
        session.stopped("entry")
        for _ in range(STEP + 2):
            session.go("next")
        yield session


@pytest.fixture(scope="module")
def marian_model(marian):
    return load_model(f"hf:{marian}")


@pytest.mark.parametrize("kind", HF_KINDS)
def test_every_door_of_a_hugging_face_model(at_a_step_of_generate, marian_model, kind):
    session = at_a_step_of_generate
    settings = GenerationSettings(given={"max_new_tokens": 6, "num_beams": 3})
    unedited, first, expected = shown(session.debugged.branches[0]), None, None
    for door in HF_KINDS[kind]:
        back(session, STEP - 1)
        door(session)
        branch = to_the_end(session)
        if first is None:
            first = branch.edits
            _, *expected = fresh(marian_model, settings, first, TEXT)
        assert branch.edits == first
        assert_same_numbers(branch, *expected)
        assert shown(branch) != unedited, "the edit has had no effect"


def assert_same_numbers(branch, encoder, records):
    """The records of generate, but for what each plan holds of its own model object."""
    assert_same(dict(branch.encoder.sites), dict(encoder.sites))
    assert len(branch.records) == len(records)
    for mine, other in zip(branch.records, records, strict=True):
        assert_same(dict(mine.sites), dict(other.sites))
        assert_same(mine.candidates, other.candidates)
        assert_same(mine.after.live, other.after.live)
        assert_same(mine.after.finished, other.after.finished)
