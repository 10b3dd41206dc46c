"""A session that is driven row by row: a model of each kind, and what each step of its first sentence is.

One session over each transport serves all rows of a file. What a row has to stop at is told by the steps of a
walk through the first sentence, in which nothing was set.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from harness import DebugSession
from models.hf_tiny import folder_of
from test_dap_edit_doors import HF_KINDS, KINDS

from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings


@dataclass(frozen=True)
class Family:
    """A model, three sentences with references, and a greedy search and one with a beam.

    In the second of the recurrent model one hypothesis of the beam overtakes another.
    """

    model: str
    lines: tuple[str, str, str]
    references: tuple[str, str, str]
    greedy: dict[str, Any]
    beam: dict[str, Any]
    settings: Settings
    edits: dict[str, tuple[Any, ...]]
    """Each kind of edit with its doors."""


@cache
def families():
    """By name; a folder of the second is made when it is first asked for."""
    return {
        "recurrent": Family(
            "dates",
            ("March 3, 1999", "Sonntag", "24. Okt"),
            ("1999-03-04", "2001-05-14", "2000-10-24"),
            {},
            {"search": {"beamSize": 3, "nBest": 3}},
            SearchSettings(beam_size=3, n_best=3),
            KINDS,
        ),
        "hugging face": Family(
            f"hf:{folder_of('marian')}",
            ("the cat sat on the mat", "the dog", "the mat"),
            ("the cat", "the dog", "the mat"),
            {"generation": {"max_new_tokens": 6}},
            {"generation": {"max_new_tokens": 6, "num_beams": 3}},
            GenerationSettings(given={"max_new_tokens": 6, "num_beams": 3}),
            HF_KINDS,
        ),
    }


TOLD = ("token", "p", "entropy", "margin", "focus", "len(tokens)")


@dataclass
class Driven:
    """A session, and what each step of its first sentence is."""

    session: DebugSession
    family: Family
    steps: list[dict[str, str]]

    def home(self):
        """Back to the beginning, with nothing set and nothing edited."""
        session = self.session
        session.request("setBreakpoints", source=self.source, breakpoints=[])
        session.request("setFunctionBreakpoints", breakpoints=[])
        session.request("setDataBreakpoints", breakpoints=[])
        session.request("setExceptionBreakpoints", filters=[])
        if self.place() != (0, -1, "encoder"):
            session.go("reverseContinue")
        if len(session.request("s2s/branches")["branches"]) > 1:
            session.request("s2s/switchBranch", branch=0)

    @property
    def source(self):
        return self.session.request("loadedSources")["sources"][0]

    def set(self, request, *asked):
        """Set breakpoints of a kind, all of which stand."""
        more = {"source": self.source} if request == "setBreakpoints" else {}
        placed = self.session.request(request, breakpoints=list(asked), **more)["breakpoints"]
        assert all(each["verified"] for each in placed), placed
        return placed

    def met(self, motion="continue"):
        """The next stop: its reason, and where it is."""
        stop = self.session.go(motion)
        return stop["reason"], *self.place()

    def place(self):
        told = (self.session.value(name) for name in ("sentence", "step", "stage"))
        sentence, step, stage = told
        return int(sentence), int(step), stage.strip("'")

    def first(self, holds):
        """The first step at which something holds of it and the step before (`None` at the first)."""
        return next(
            at for at, each in enumerate(self.steps) if holds(each, self.steps[at - 1] if at else None)
        )


def walked(session):
    """Step through the first sentence, and back to its beginning."""
    steps = []
    session.go("next")
    while session.value("sentence") == "0":
        steps.append({name: session.value(name) for name in TOLD})
        session.go("next")
    return steps


def begun(session, name):
    """A session that has been launched on the model of a family."""
    family = families()[name]
    texts = {"source": "\n".join(family.lines), "reference": "\n".join(family.references)}
    session.launch(model=family.model, **texts, **family.greedy)
    session.stopped("entry")
    return Driven(session, family, walked(session))
