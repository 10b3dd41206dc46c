"""`s2sdap check-model`: does a model do what debugging it builds on? A table for people, or JSON."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from s2sdap.cli.outcomes import DONE, FIRED

if TYPE_CHECKING:
    from s2sdap.debugger.conformance import Finding, Report

STYLES: Final = {"pass": "green", "fail": "bold red", "absent": "dim"}
WIDTH: Final = 120
"""Columns of a table that goes into a file or a pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What the command line says."""

    model: str
    sources: Sequence[str]
    steps: int
    device: str
    dtype: str | None
    revision: str | None
    trust_remote_code: bool
    json: bool


def check_model(options: CheckOptions) -> int:
    """Load the model, run every check and show what was found. Returns the exit code."""
    import torch

    from s2sdap.debugger.conformance import check_loading
    from s2sdap.models.contract import Described
    from s2sdap.models.loading import load_model

    def load() -> Described:
        return load_model(
            options.model,
            options.device,
            dtype=options.dtype,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
        )

    torch.set_num_threads(1)  # as a launch does: sums keep their order
    with contextlib.redirect_stdout(sys.stderr):  # what the model's own code prints is no part of the report
        report = check_loading(load, options.model, options.sources, steps=options.steps)
    if options.json:
        sys.stdout.write(report.to_json().decode() + "\n")
    else:
        show(report, Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH))
    return DONE if report.passed else FIRED


def show(report: "Report", console: Console) -> None:
    """The report as a table, what to do about each failure under it, and a last line that sums up."""
    table = Table(title=Text(f"{report.model}  {report.fingerprint}".rstrip()), title_justify="left")
    for heading in ("check", "", "measured, or why not"):
        table.add_column(heading, no_wrap=heading == "")
    for each in report.findings:
        table.add_row(Text(each.name), Text(each.outcome.upper(), STYLES[each.outcome]), Text(each.measured))
    console.print(table)
    for each in report.findings:
        if each.outcome == "fail":
            _explain(each, console)
    counts = {kind: sum(each.outcome == kind for each in report.findings) for kind in STYLES}
    told = f"{counts['pass']} passed, {counts['fail']} failed, {counts['absent']} absent"
    console.print(Text(f"{told}, in {report.seconds:.1f} s", STYLES["pass" if report.passed else "fail"]))


def _explain(finding: "Finding", console: Console) -> None:
    console.print(Text(finding.name, STYLES["fail"]), soft_wrap=True)
    console.print(Text(f"  → {finding.remedy}"), soft_wrap=True)
    if finding.details:
        indented = "\n".join(f"    {line}" for line in finding.details.splitlines())
        console.print(Text(indented, "dim"), soft_wrap=True)
