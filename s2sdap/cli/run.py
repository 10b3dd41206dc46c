"""`s2sdap run`: decode a file with nobody watching, and write down where a watch rule fired.

Sentences are decoded in batches; where a rule may fire, the session that an editor drives decodes the
sentence again, exactly, and each of its stops is noted. Outputs are written one a line, in step with the
lines of the input.
"""

import contextlib
import dataclasses
import os
import shlex
import stat
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from s2sdap.cli.faults import Faults
from s2sdap.cli.firings import Firings
from s2sdap.cli.interrupts import Interrupts
from s2sdap.cli.named_values import named_values
from s2sdap.cli.outcomes import DONE, FIRED, INTERRUPTED, REFUSED, leave_standard_output, say, write, writing
from s2sdap.cli.reopening import STANDARD, Opening
from s2sdap.client.launching import camel_case
from s2sdap.cluster import parse_on
from s2sdap.debugger.program import Program, make_program, read_program
from s2sdap.debugger.watch_rules import ArmedRule, parse_rule
from s2sdap.decoding.batched.grouping import BatchBounds
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models import HUGGING_FACE
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import MAX_BYTES, lines_of, read_references

if TYPE_CHECKING:
    from s2sdap.cli.html_report import HtmlReport
    from s2sdap.cli.report import SentenceLine
    from s2sdap.debugger.corpus.run import Corpus
    from s2sdap.debugger.neighbors.training import Training
    from s2sdap.decoding.planning import Settings
    from s2sdap.models.contract import Described

_ONE_LINE: Final = str.maketrans("\n\r", "  ")
"""A target with a line end in it must not put the lines of the output out of step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says; `search` holds the settings that it names."""

    file: str
    model: str
    search: Mapping[str, Any]
    reference: str | None
    output: str
    rules: Sequence[str]
    report: str | None
    html: str | None
    device: str
    threads: int
    generation: Sequence[str]
    dtype: str | None
    revision: str | None
    trust_remote_code: bool
    exact: bool = False
    bounds: BatchBounds = field(default_factory=BatchBounds)
    index: str | None = None
    """of the model's training states, for rules that ask how far it is from them"""
    on: str | None = None
    """the cluster that decodes, as `s2sdap.cluster` reads it"""

    @property
    def tokens(self) -> bool:
        """Whether somebody reads the numbers of every token."""
        return self.report is not None or self.html is not None


def run(options: RunOptions) -> int:
    """Decode the file. Returns the exit code."""
    if not options.model.startswith(HUGGING_FACE):
        _check_search(options.search)
    for written in options.rules:
        parse_rule(written)
    if options.on is not None:
        parse_on(options.on)
    program = _program(options.file, options.reference)
    _check_apart(options)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_opened(options.output))
        report = stack.enter_context(_opened(options.report)) if options.report else None
        html = stack.enter_context(_opened(options.html)) if options.html else None
        # What the model's own code prints is no target.
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        return _decode(options, program, output, report, html)


def loaded(options: RunOptions) -> "tuple[Described, Settings, tuple[ArmedRule, ...]]":
    """The model, the settings of its search and the rules, which this process is then set up for."""
    import torch

    from s2sdap.decoding.planning import settings_for
    from s2sdap.models.loading import load_model

    torch.set_num_threads(options.threads)
    model = load_model(
        options.model,
        options.device if options.on is None else "cpu",
        dtype=options.dtype,
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
    )
    generation = named_values("--generation", options.generation)
    settings = settings_for(model, options.search, generation)
    return model, settings, tuple(parse_rule(written) for written in options.rules)


def training_of(options: RunOptions, model: "Described", rules: "Sequence[ArmedRule]") -> "Training | None":
    """The index that is named, or that a rule needs, opened. Raises `no_index` where a rule has none."""
    from s2sdap.debugger.neighbors.training import Training

    if options.index is None and not any(rule.of_training for rule in rules):
        return None
    training = Training(model, options.index)
    training.open()
    return training


def _decode(
    options: RunOptions,
    program: Program,
    output: IO[bytes],
    report: IO[bytes] | None,
    html: IO[bytes] | None,
) -> int:
    from s2sdap.cli.html_report import HtmlReport
    from s2sdap.cli.run_summary import html_of
    from s2sdap.debugger.corpus.run import Corpus

    model, settings, rules = loaded(options)
    training = training_of(options, model, rules)
    for file in (output, report, html):
        _empty(file)
    with _progress(len(program.sentences)) as advance:
        opening = opening_of(options)
        shown = HtmlReport(opening) if html is not None else None
        writer = _Writer(output, report, shown)
        corpus = Corpus(
            model,
            program,
            settings,
            rules,
            bounds=options.bounds,
            exact=options.exact,
            advance=advance,
            training=training,
        )
        if corpus.singly is not None:
            say(corpus.singly)
        interrupts, interrupted = Interrupts(), False
        try:
            with interrupts.watched(), contextlib.closing(_lines(options, corpus, opening)) as lines:
                for line in lines:
                    with interrupts.held():
                        writer.add(line)
        except KeyboardInterrupt:
            interrupted = True
        except BrokenPipeError:
            leave_standard_output()
            return writer.code
        if corpus.counts.failed:
            many, first = corpus.counts.failed, corpus.counts.failure
            say(S2sdapError("batches_failed", count=many, reason=first))
        if not interrupted:
            writer.written.up_to(len(program.lines))
    for text in (*writer.faults.told(), *(() if writer.firings is None else writer.firings.told())):
        say(text)
    if html is not None and shown is not None:
        text = html_of(shown, corpus, shlex.join(["s2sdap", *sys.argv[1:]]), interrupted=interrupted)
        write(html, text.encode())
    return INTERRUPTED if interrupted else writer.code


def _lines(options: RunOptions, corpus: "Corpus", opening: Opening) -> "Generator[SentenceLine]":
    """The sentences, decoded here or on a cluster."""
    if options.on is None:
        from s2sdap.cli.report import told

        for decoded in corpus:
            yield told(decoded, opening, tokens=options.tokens)
        return
    from s2sdap.cli.run_on_cluster import decoded_on
    from s2sdap.cluster import connected

    with connected(options.on, threads=options.threads) as cluster:
        yield from decoded_on(cluster, options, corpus)


def opening_of(options: RunOptions) -> Opening:
    """How what this run finds is opened."""
    return Opening(
        program=options.file,
        model=options.model,
        reference=options.reference,
        search={camel_case(name): value for name, value in options.search.items()},
        generation=named_values("--generation", options.generation),
        device=options.device,
        threads=options.threads,
        dtype=options.dtype,
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
        index=options.index,
    )


class _Writer:
    """Writes a sentence after the other, and what the run comes to."""

    def __init__(self, output: IO[bytes], report: IO[bytes] | None, shown: "HtmlReport | None") -> None:
        self.code = DONE
        self.written = _Lines(output)
        self._report = report
        self._shown = shown
        self.faults = Faults()
        self.firings = Firings() if report is None and shown is None else None

    def add(self, line: "SentenceLine") -> None:
        """A sentence is decoded, or could not be, and its stops are known."""
        self.written.up_to(line.line - 1)
        self.written.add(line.output or "")
        if line.error is not None:
            self._failed(line.line, line.error.text)
        for stop in line.stops:
            if stop.rule is not None:
                self.code = max(self.code, FIRED)
            elif stop.error is not None:
                self._failed(line.line, stop.error.text)
        if self.firings is not None:
            self.firings.add(line)
        if self._report is not None:
            write(self._report, msgspec.json.encode(line) + b"\n")
        if self._shown is not None:
            self._shown.add(line)

    def _failed(self, line: int, error: str) -> None:
        self.code = REFUSED
        self.faults.add(line, error)


class _Lines:
    """The lines of the output file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._count = 0

    def up_to(self, line: int) -> None:
        """Empty lines before 0-based `line`."""
        while self._count < line:
            self.add("")

    def add(self, text: str) -> None:
        """One line."""
        write(self._file, text.translate(_ONE_LINE).encode() + b"\n")
        self._count += 1


def _check_search(search: Mapping[str, Any]) -> None:
    """Refuse settings before a model is loaded; a refusal names the option, as the person wrote it."""
    try:
        SearchSettings(**search)
    except S2sdapError as error:
        if error.name != "bad_setting":
            raise
        names = {field.encode_name: field.name for field in msgspec.structs.fields(SearchSettings)}
        name = names[error.details["setting"]]
        option = "--beam" if name == "beam_size" else "--" + name.replace("_", "-")
        raise S2sdapError("bad_setting", **{**error.details, "setting": option}) from None


def _program(file: str, reference: str | None) -> Program:
    if file != STANDARD:
        return read_program(file, reference)
    name = "standard input"
    lines = lines_of(sys.stdin.buffer.read(MAX_BYTES + 1), name)
    if not any(lines):
        raise S2sdapError("program_empty", path=name)
    references = read_references(reference) if reference else None
    program = make_program(lines, path=None, references=references, reference_path=reference)
    return dataclasses.replace(program, name=name)


def _check_apart(options: RunOptions) -> None:
    """Refuse to write over what is read, or two things into one file."""
    read = [name for name in (options.file, options.reference) if name and name != STANDARD]
    written = [name for name in (options.output, options.report, options.html) if name and name != STANDARD]
    for index, name in enumerate(written):
        for other in [*read, *written[:index]]:
            same = os.path.realpath(name) == os.path.realpath(other)
            if same and not (os.path.exists(name) and stat.S_ISCHR(os.stat(name).st_mode)):
                raise OSError(None, "it is named twice; give the outputs files of their own", name)
    if [options.output, options.report, options.html].count(STANDARD) > 1:
        raise OSError(None, "it is named twice; give the outputs files of their own", "standard output")


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """The file to write, which keeps what it holds until the model is there."""
    if name == STANDARD:
        yield sys.stdout.buffer
        return
    file = Path(name).open("ab")  # noqa: SIM115 - what cannot be written is tried again as it is closed
    try:
        yield file
    finally:
        with writing(name):
            file.close()


def _empty(file: IO[bytes] | None) -> None:
    """Forget what a file held; standard output is the shell's affair, and a device holds nothing."""
    if file is None or (sys.__stdout__ is not None and file is sys.__stdout__.buffer):
        return
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.truncate(0)


@contextlib.contextmanager
def _progress(sentences: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where a person sees it. Gives what to call once a sentence."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("decoding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("decoding", total=sentences)
        yield lambda: progress.advance(task)
