"""Whether a file decodes without a finding: what a test asks, in words that a test prints."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from s2sdap.cli.html_report import HtmlReport, badness
from s2sdap.cli.reopening import Opening
from s2sdap.cli.report import SentenceLine, at_step, told
from s2sdap.cli.run_summary import html_of
from s2sdap.client.launching import camel_case
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import Program, read_program
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.planning import settings_for
from s2sdap.decoding.spelling import search_spelt
from s2sdap.models.contract import Described
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import read_lines

LISTED: Final = 10
"""Sentences that a failure lists, the worst of them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A decoded file: its sentences as a report has them, and what is wrong, empty where nothing is."""

    sentences: tuple[SentenceLine, ...]
    failure: str


def check_decodes(
    model: str | Described,
    file: str,
    rules: Sequence[str] | str,
    *,
    reference: str | None,
    expected: Sequence[str] | str | os.PathLike[str] | None,
    search: Mapping[str, Any],
    generation: Mapping[str, Any],
    device: str,
    threads: int,
    exact: bool,
    report: Path | None,
) -> Checked:
    """Decode a file under rules; see `pytest_plugin.assert_decodes` for the arguments."""
    if isinstance(rules, str):
        rules = (rules,)
    armed = tuple(parse_rule(rule) for rule in rules)
    program = read_program(file, reference)
    loaded = load_model(model, device) if isinstance(model, str) else model
    corpus = Corpus(loaded, program, settings_for(loaded, _search(search), generation), armed, exact=exact)
    opening = Opening(
        program=file,
        model=model if isinstance(model, str) else model.name,
        reference=reference,
        search={camel_case(name): value for name, value in search.items()},
        generation=generation,
        device=device,
        threads=threads,
    )
    shown = HtmlReport(opening)
    lines: list[SentenceLine] = []
    with _threads(threads):
        for decoded in corpus:
            lines.append(told(decoded, opening))
            shown.add(lines[-1])
        if report is not None:
            report.parent.mkdir(parents=True, exist_ok=True)
            rows = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
            report.with_name(f"{report.name}.jsonl").write_bytes(rows)
            page = html_of(shown, corpus, f"assert_decodes({opening.model!r}, {file!r}, {list(rules)!r})")
            report.with_name(f"{report.name}.html").write_text(page, encoding="utf-8")
    wanted = None if expected is None else _expected(expected, program)
    return Checked(tuple(lines), _failure(lines, wanted, program, report))


def _search(search: Mapping[str, Any]) -> dict[str, Any]:
    """Search settings under Python's names, whichever way they are written."""
    return search_spelt({camel_case(name): value for name, value in search.items()})


def _expected(expected: Sequence[str] | str | os.PathLike[str], program: Program) -> list[str]:
    given = read_lines(os.fspath(expected)) if isinstance(expected, str | os.PathLike) else list(expected)
    if len(given) != len(program.lines):
        path = expected if isinstance(expected, str | os.PathLike) else "`expected`"
        raise S2sdapError("reference_length", path=path, found=len(given), expected=len(program.lines))
    return given


def _failure(
    lines: Sequence[SentenceLine], expected: Sequence[str] | None, program: Program, report: Path | None
) -> str:
    """What to print, empty where all is well."""
    other = {line.line for line in lines if expected is not None and line.output != expected[line.line - 1]}
    bad = [line for line in lines if line.stops or line.error is not None or line.line in other]
    if not bad:
        return ""
    bad.sort(key=badness)
    words = [f"{len(bad)} of {len(lines)} sentences of {program.name} are in doubt, worst first:"]
    for line in bad[:LISTED]:
        words += ["", f"line {line.line}: {line.source!r} -> {line.output!r}"]
        if line.line in other and expected is not None:
            words.append(f"  expected {expected[line.line - 1]!r}")
        if line.error is not None:
            words.append(f"  {line.error.text}")
        for stop in line.stops:
            numbers = {"p": stop.p, "entropy": stop.entropy, "margin": stop.margin, "rank": stop.rank}
            found = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items() if value is not None)
            words.append(f"  {stop.rule or 'error'}{at_step(stop)}: {stop.text}")
            words += [f"    {found}"] if found else []
            words += [f"    {stop.command}"] if stop.command else []
    if len(bad) > LISTED:
        words += ["", f"... and {len(bad) - LISTED} more"]
    if report is not None:
        words += ["", f"report: {report}.html"]
    return "\n".join(words)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many threads of torch, for a while: sums in another order differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
