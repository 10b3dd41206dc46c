"""A wrong translation traced to its stage, and a word whose neighbours move with its context."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s2sdap.client import Debugger
from s2sdap.protocol.custom import NeighborBody, VerdictBody


@dataclass(frozen=True, slots=True)
class Traced:
    """What the debugger showed of a sentence that goes wrong at one word."""

    source: str
    reference: str
    output: str
    step: int
    wrong: str
    p: float
    wanted: str
    wanted_rank: int | None
    """among the five likeliest, from 0"""
    focus: str
    attended: float
    """the source word most attended at that step, and its weight"""
    verdict: VerdictBody
    after: str
    """the output once the edits of the verdict were applied"""
    forced: str
    """the output where the wanted word was forced at that step instead"""
    near: Counter[str]
    """what the nearest states of training go on with, where there is an index"""

    @property
    def blamed(self) -> str:
        """What the experiment of the stage to blame has found."""
        made = [each for each in self.verdict.experiments if each.stage == self.verdict.stage]
        return next((each.text for each in made if each.repaired), self.verdict.text)

    @property
    def soundness(self) -> float:
        """How sure the model is once it is repaired, as a share of its usual; 0 without a repair."""
        of_stage = (each for each in self.verdict.experiments if each.stage == self.verdict.stage)
        return max((each.numbers.get("soundness", 0.0) for each in of_stage if each.repaired), default=0.0)

    @property
    def mended(self) -> bool:
        """Whether a stage was named, and its edits lead to the reference."""
        return self.verdict.stage is not None and self.after == self.reference


@dataclass(frozen=True, slots=True)
class Judged:
    """What `s2sdap verdict` says of a line, from 1: the stage, whether it mends it, and how soundly."""

    line: int
    stage: str | None
    mends: bool
    soundness: float


def judged(model: Path, table: Path) -> list[Judged]:
    """The verdict on every wrong line of a table of sources and references; the others are its controls."""
    command = ["s2sdap", "verdict", str(table), "--model", str(model.resolve()), "--json"]
    done = subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: something is wrong
        raise SystemExit(done.returncode)  # it has said why
    found = []
    for each in map(json.loads, done.stdout.splitlines()):
        if (verdict := each["verdict"]) is not None:
            of_stage = [made for made in verdict["experiments"] if made["stage"] == verdict["stage"]]
            sound = [made["numbers"].get("soundness", 0.0) for made in of_stage if made["repaired"]]
            mends = verdict["repaired_output"] == each["reference"]
            found.append(
                Judged(each["line"], verdict["stage"], mends and bool(sound), max(sound, default=0.0))
            )
    return found


def soundest(verdicts: Sequence[Judged]) -> Judged | None:
    """Of the lines that the stage to blame can mend, the one that it mends best."""
    able = [each for each in verdicts if each.mends and each.stage]
    return max(able, key=lambda each: each.soundness, default=None)


def traced(model: Path, table: Path, line: int, index: Path | None = None) -> Traced:
    """Go to the first wrong word of a line, ask which stage is to blame, and try two edits that mend it."""
    with Debugger.spawn() as debugger:
        debugger.launch(program=table, model=str(model), start_line=line, index=index)
        debugger.step_out()
        result = debugger.results()[-1]
        verdict = debugger.verdict(sentence=result.sentence)
        debugger.goto(verdict.step)
        step = debugger.step(top=5)
        pieces = [token.piece for token in step.top or []]
        near = debugger.neighbors("decoder.state", k=20, others=True).neighbors if index else []
        debugger.force(verdict.wanted)
        debugger.step_out()
        forced = debugger.results()[-1].outputs[0].text
        debugger.command("undo")
        if verdict.edits:
            debugger.apply_fix(verdict)
            debugger.step_out()
        after = debugger.results()[-1].outputs[0].text
    if step.token is None or step.attention is None or step.focus is None:
        raise RuntimeError("a step of this model has a token and attention")
    return Traced(
        source=result.source,
        reference=table.read_text("utf-8").splitlines()[line - 1].split("\t")[1],
        output=result.outputs[0].text,
        step=verdict.step,
        wrong=step.token.piece,
        p=step.token.p,
        wanted=verdict.wanted,
        wanted_rank=pieces.index(verdict.wanted) if verdict.wanted in pieces else None,
        focus=step.source[step.focus].piece,
        attended=step.attention[step.focus],
        verdict=verdict,
        after=after,
        forced=forced,
        near=Counter(each.token.piece for each in near),
    )


@dataclass(frozen=True, slots=True)
class Context:
    """A word in its sentence, and which training states are nearest to the encoder's state of it."""

    source: str
    output: str
    neighbors: list[NeighborBody]

    def followed(self) -> Counter[str]:
        """What follows the word in the neighbours."""
        return Counter(each.after or "" for each in self.neighbors)


@dataclass(frozen=True, slots=True)
class Moved:
    """The same word before and after words were put in behind it."""

    word: str
    inserted: str
    alone: Context
    with_context: Context

    def share(self, context: Context) -> float:
        """Of the neighbours, those in which the same word follows."""
        return context.followed()[self.inserted.split()[0]] / len(context.neighbors)

    @property
    def stayed(self) -> int:
        """How many neighbours both have."""
        rows = {each.row for each in self.alone.neighbors}
        return sum(each.row in rows for each in self.with_context.neighbors)


def moved(model: Path, index: Path, source: str, word: str, inserted: str, k: int = 10) -> Moved:
    """Ask for the neighbours of `word`, then type `source ...` with the words put in, and ask again."""
    words = source.split()
    position = words.index(word)
    longer = " ".join((*words[: position + 1], inserted, *words[position + 1 :]))
    with Debugger.spawn() as debugger:
        debugger.launch(source=source, model=str(model), index=index)
        alone = _context(debugger, source, position, k)
        debugger.command(f"source {longer}")
        with_context = _context(debugger, longer, position, k)
    return Moved(word, inserted, alone, with_context)


def _context(debugger: Debugger, source: str, position: int, k: int) -> Context:
    debugger.next()
    found = debugger.neighbors("encoder.states", position=position, k=k, others=True)
    debugger.step_out()
    return Context(source, debugger.results()[-1].outputs[0].text, found.neighbors)
