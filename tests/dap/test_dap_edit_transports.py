"""Each door to an edit over each transport, on a recurrent model and on one of Hugging Face.

Every kind of edit goes through every door in `test_dap_edit_doors`, in this process and bit for bit.
Here is one path through each combination: what an editor is told is the output of a fresh run.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from dap_doors import back, edit, eldest, expression, fresh, repl, variable
from dap_programs import TRANSPORTS
from models.hf_tiny import folder_of

from s2sdap.debugger.edit_lists import from_plain
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
STEP = 2


@dataclass(frozen=True)
class Family:
    """A model, how it is launched, and the doors to two edits of it."""

    text: str
    launch: dict[str, Any]
    settings: Settings
    doors: dict[str, tuple[Any, ...]]


FAMILIES = {
    "recurrent": Family(
        "March 3, 1999",
        {"search": {"beamSize": 3, "nBest": 3}},
        SearchSettings(beam_size=3, n_best=3),
        {
            "token": (
                variable(("Prediction", "token"), "'7'"),
                expression("token", "7"),
                repl('force "7"'),
                edit(token="7"),
            ),
            "words": (
                variable(("Attention", "weights"), "1999=0.6 March=0.1"),
                expression("attention", "1999=0.6 March=0.1"),
                repl("attend 1999=0.6 March=0.1"),
                edit(words={"1999": 0.6, "March": 0.1}),
            ),
        },
    ),
    "hugging face": Family(
        "the cat sat on the mat",
        {"generation": {"max_new_tokens": 6, "num_beams": 3}},
        GenerationSettings(given={"max_new_tokens": 6, "num_beams": 3}),
        {
            "token": (
                variable(("Prediction", "token"), "#7"),
                expression("token", "#7"),
                repl("force #7"),
                edit(token="#7"),
            ),
            "words of one head": (
                variable(("Attention", "heads", "L1.H2"), "cat=0.7 mat=0.3"),
                expression("attention[L1.H2]", "cat=0.7 mat=0.3"),
                repl("attend L1.H2 cat=0.7 mat=0.3"),
                edit(words={"cat": 0.7, "mat": 0.3}, layer=1, head=2),
            ),
        },
    ),
}


@pytest.fixture(scope="module")
def specs():
    """What a launch names for each family."""
    return {"recurrent": "dates", "hugging face": f"hf:{folder_of('marian')}"}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_door_leads_to_the_output_of_a_fresh_run(connect, specs, transport, name):
    family, model = FAMILIES[name], load_model(specs[name])
    with connect(transport) as session:
        session.launch(source=family.text, model=specs[name], **family.launch)
        session.stopped("entry")
        for _ in range(STEP + 1):
            session.go("next")
        for doors in family.doors.values():
            edits = []
            for door in doors:
                back(session, STEP)
                door(session)
                edits.append([each["edit"] for each in session.request("s2s/edits")["edits"]])
                session.go("stepOut", threadId=eldest(session))
                (told,) = session.request("s2s/results")["results"]
                plan, _, records = fresh(model, family.settings, from_plain(edits[0]), family.text)
                best = plan.best(records[-1].after)
                assert [each["text"] for each in told["outputs"]] == [
                    model.target.text(each.tokens) for each in best
                ]
                assert [each["final"] for each in told["outputs"]] == [each.final for each in best]
            assert edits[0]
            assert all(each == edits[0] for each in edits)
