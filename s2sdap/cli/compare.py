"""`s2sdap compare`: every sentence of a file decoded in two ways, and where the two first part.

The other way is another checkpoint, other settings, or the references, teacher-forced. With references
it also says where each left the beam.
"""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from s2sdap.cli.faults import say_of_line
from s2sdap.cli.named_values import named_values
from s2sdap.cli.outcomes import DONE, FIRED, INTERRUPTED, REFUSED, say
from s2sdap.debugger.program import Program, Sentence, read_program
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.comparing.comparison import Comparison, Row
    from s2sdap.debugger.comparing.runs import Run, Work
    from s2sdap.debugger.comparing.sides import Sought
    from s2sdap.decoding.plan import Plan, Planner
    from s2sdap.models.contract import Described


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What the command line says; what stands under `with_` is the other way to decode."""

    file: str
    model: str
    search: Sequence[str]
    generation: Sequence[str]
    with_model: str | None
    with_search: Sequence[str]
    with_generation: Sequence[str]
    reference: str | None
    device: str
    threads: int
    dtype: str | None
    revision: str | None
    with_dtype: str | None
    with_revision: str | None
    trust_remote_code: bool
    json: bool

    @property
    def loads(self) -> bool:
        """Whether the other way is another checkpoint, or the same one read otherwise."""
        return any(each is not None for each in (self.with_model, self.with_dtype, self.with_revision))


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A sentence that has been decoded in both ways, or why it could not be."""

    sentence: Sentence
    comparison: "Comparison | None" = None
    parting: "Row | None" = None
    sought: "Sought | None" = None
    error: S2sdapError | None = None

    @property
    def same(self) -> bool:
        """Whether both wrote the same. Nothing can write what the vocabulary lacks of a reference."""
        lacking = self.sought is not None and self.sought.reference.unknown
        return self.comparison is not None and self.comparison.divergence is None and not lacking


def compare(options: CompareOptions) -> int:
    """Compare the file's sentences. Returns the exit code."""
    otherwise = bool(options.with_search or options.with_generation) or options.loads
    if options.reference is not None and otherwise:
        raise S2sdapError(
            "settings_clash", reason="`--reference` is compared with the output, not with another decode"
        )
    program = read_program(options.file, options.reference)
    if not program.has_references and not otherwise:
        raise S2sdapError("nothing_to_compare")
    settings = _Settings.of(options)
    with contextlib.redirect_stdout(sys.stderr):  # what the model's own code prints is no answer
        ways = _Ways(options, settings, program, with_references=not otherwise)
    done: list[Compared] = []
    code, broken_off = DONE, ""
    try:
        for sentence in program.sentences:
            with contextlib.redirect_stdout(sys.stderr):
                compared = ways.compared(sentence)
            if compared.error is not None:
                say_of_line(sentence.line + 1, compared.error)
                code = REFUSED
            elif not compared.same:
                code = max(code, FIRED)
            done.append(compared)
            if options.json:
                sys.stdout.write(_line(compared))
                sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
        broken_off = f"interrupted after {len(done):,} of {len(program.sentences):,} sentences"
    if not options.json:
        from s2sdap.cli.comparison_table import show

        show(done, ways.names, broken_off)
    elif broken_off:
        say(broken_off)
    return code


@dataclass(frozen=True, slots=True)
class _Settings:
    """The settings of either way, under our names and under a library's."""

    search: Mapping[str, Any]
    generation: Mapping[str, Any]
    with_search: Mapping[str, Any]
    with_generation: Mapping[str, Any]

    @classmethod
    def of(cls, options: CompareOptions) -> "_Settings":
        """Read them, before a model is loaded."""
        from s2sdap.decoding.spelling import search_spelt

        search = search_spelt(named_values("--search", options.search))
        generation = named_values("--generation", options.generation)
        changed = search_spelt(named_values("--with-search", options.with_search))
        named = named_values("--with-generation", options.with_generation)
        return cls(search, generation, {**search, **changed}, {**generation, **named})


class _Ways:
    """Both ways to decode a sentence."""

    def __init__(
        self, options: CompareOptions, settings: _Settings, program: Program, *, with_references: bool
    ) -> None:
        import torch

        torch.set_num_threads(options.threads)
        self._program = program
        self._reference = with_references
        model = _load(options, options.model, options.dtype, options.revision)
        self._left = _planner(model, settings.search, settings.generation)
        self._right: Planner | None = None
        self.names = (model.name, "reference")
        if self._reference:
            return
        other = model
        if options.loads:
            spec = options.with_model or options.model
            same = options.with_model is None
            dtype = options.with_dtype or options.dtype
            revision = options.with_revision or (options.revision if same else None)
            other = _load(options, spec, dtype, revision)
        self._right = _planner(other, settings.with_search, settings.with_generation)
        given = [*options.with_search, *options.with_generation]
        told = (options.with_model, options.with_dtype, options.with_revision, *given)
        self.names = (model.name, " ".join(each for each in told if each))

    def compared(self, sentence: Sentence) -> Compared:
        """Both decodes of a sentence, held against each other."""
        from s2sdap.debugger.comparing.comparison import compare as aligned

        sought = None
        try:
            left, right = _done(self._run(self._left, sentence, self.names[0])), None
            if self._right is not None:
                right = _done(self._run(self._right, sentence, self.names[1]))
            elif sentence.reference is not None:
                sought = _sought(left, sentence.reference)
                right = sought.forced  # a model that is there can always be forced
            if right is None:
                raise S2sdapError("no_reference", sentence=f"line {sentence.line + 1}")
            comparison = _done(aligned(left, right))
            return Compared(sentence, comparison, comparison.parting, sought)
        except S2sdapError as error:
            return Compared(sentence, error=error)

    def _run(self, planner: "Planner", sentence: Sentence, label: str) -> "Work[Run]":
        from s2sdap.debugger.comparing.runs import begun, best_run, run_on

        path = self._program.path
        plan: Plan = planner(
            sentence.text,
            sentence=sentence.index,
            line=sentence.line + 1,
            where=self._program.name,
            folder=None if path is None else os.path.dirname(path),
        )
        encoder = begun(plan)
        records = yield from run_on(plan, encoder)
        return best_run(label, plan, encoder, records)


def _sought(run: "Run", reference: str) -> "Sought":
    from s2sdap.debugger.comparing.sides import sought_in

    sought: Sought = _done(sought_in(run.plan, run.encoder, run.records, reference, 0))
    return sought


def _load(options: CompareOptions, spec: str, dtype: str | None, revision: str | None) -> "Described":
    from s2sdap.models.loading import load_model

    return load_model(
        spec, options.device, dtype=dtype, revision=revision, trust_remote_code=options.trust_remote_code
    )


def _planner(model: "Described", search: Mapping[str, Any], generation: Mapping[str, Any]) -> "Planner":
    from s2sdap.decoding.planning import planner_for, settings_for

    return planner_for(model, settings_for(model, search, generation))


def _done(work: "Work[Any]") -> Any:
    """What a piece of work returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def _line(compared: Compared) -> str:
    """A JSON object: a sentence with both outputs and the row where they part."""
    from s2sdap.dap.comparison_bodies import comparison_body, reference_body

    line: dict[str, Any] = {"line": compared.sentence.line + 1, "source": compared.sentence.text}
    if compared.comparison is not None:
        body = msgspec.to_builtins(comparison_body(compared.comparison, (), compared.parting))
        for name in ("rows", "total"):
            del body[name]
        line |= {**body, "same": compared.same}
    if compared.sought is not None:
        line["reference"] = msgspec.to_builtins(reference_body(compared.sought))
    if compared.error is not None:
        line["error"] = {
            "number": compared.error.number,
            "name": compared.error.name,
            "text": str(compared.error),
        }
    return msgspec.json.encode(line).decode() + "\n"
