"""`s2sdap verdict`: for every sentence whose output is not its reference, the stage to blame and why."""

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s2sdap.cli.faults import say_of_line
from s2sdap.cli.named_values import named_values
from s2sdap.cli.outcomes import DONE, FIRED, REFUSED
from s2sdap.debugger.program import Program, Sentence, read_program
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from rich.console import Console

    from s2sdap.debugger.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictOptions:
    """What the command line says."""

    file: str
    reference: str | None
    line: int | None
    model: str
    search: Sequence[str]
    generation: Sequence[str]
    limit: int | None
    device: str
    threads: int
    dtype: str | None
    revision: str | None
    trust_remote_code: bool
    index: str | None
    """of the model's training states, which is asked how far the word in question is from them"""
    json: bool


def verdict(options: VerdictOptions) -> int:
    """Judge the file's sentences. Returns the exit code."""
    program = read_program(options.file, options.reference)
    if not program.has_references:
        raise S2sdapError("no_reference", sentence=options.file)
    sentences = program.sentences
    if options.line is not None:
        sentences = tuple(each for each in sentences if each.line == options.line - 1)
        if not sentences:
            raise S2sdapError("no_sentence_there", line=options.line)
    with contextlib.redirect_stdout(sys.stderr):  # what the model's own code prints is no answer
        session = _session(options, program)
    code = DONE
    for sentence in sentences:
        told: dict[str, Any] | None = None
        try:
            with contextlib.redirect_stdout(sys.stderr):
                told = _told(session, sentence, options.limit)
        except S2sdapError as error:
            if error.name != "nothing_wrong":
                say_of_line(sentence.line + 1, error)
                code = REFUSED
                continue
        code = max(code, FIRED if told is not None else DONE)
        if options.json:
            line = {"line": sentence.line + 1, "source": sentence.text, "reference": sentence.reference}
            print(json.dumps({**line, "verdict": told}, ensure_ascii=False), flush=True)
        else:
            _show(sentence, told)
    return code


def _session(options: VerdictOptions, program: Program) -> "Session":
    import torch

    from s2sdap.debugger.session import Session
    from s2sdap.decoding.planning import settings_for
    from s2sdap.decoding.spelling import search_spelt
    from s2sdap.models.loading import load_model

    torch.set_num_threads(options.threads)
    search = search_spelt(named_values("--search", options.search))
    generation = named_values("--generation", options.generation)
    model = load_model(
        options.model,
        options.device,
        dtype=options.dtype,
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
    )
    settings = settings_for(model, search, generation)
    training = None
    if options.index is not None:
        from s2sdap.debugger.neighbors.training import Training

        training = Training(model, options.index)
        training.open()
    return Session(model, program, settings, training=training)


def _told(session: "Session", sentence: Sentence, limit: int | None) -> dict[str, Any]:
    """The verdict on a sentence as plain data."""
    from s2sdap.debugger.verdict.asking import answer, question_of
    from s2sdap.debugger.verdict.telling import plain
    from s2sdap.debugger.verdict.trials import at_once

    question = question_of(session, sentence=sentence.index, limit=limit)
    return plain(answer(question, at_once), question.plan.model.target)


def _show(sentence: Sentence, told: dict[str, Any] | None) -> None:
    """A sentence with its verdict, as a person reads it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if told is None:
        _say(console, f"line {sentence.line + 1}: {sentence.text!r} is as its reference")
        return
    wrong = "the end" if told["wrong"] is None else repr(told["wrong"])
    _say(
        console,
        f"line {sentence.line + 1}: {sentence.text!r} gives {told['output']!r}, not {sentence.reference!r}",
    )
    _say(console, f"at step {told['step']}: {wrong} where {told['wanted']!r} should stand")
    table = Table("stage", "experiment", "mends it", "soundness", "what was found")
    for each in told["experiments"]:
        soundness = each["numbers"].get("soundness")
        found = (
            each["stage"],
            each["name"],
            "yes" if each["repaired"] else "no",
            "" if soundness is None else f"{soundness:.2f}",
            each["text"],
        )
        table.add_row(*map(Text, found))
    for each in told["absent"]:
        table.add_row(*map(Text, (each["stage"], each["name"], "", "", f"not made: {each['reason']}")))
    console.print(table)
    _say(console, f"to blame: {told['stage'] or 'undecided'}; {told['text']}")
    for edit in told["edit_texts"]:
        _say(console, f"  {edit}")


def _say(console: "Console", text: str) -> None:
    from rich.text import Text

    console.print(Text(text), soft_wrap=True)
