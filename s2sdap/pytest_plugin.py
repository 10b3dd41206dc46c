"""A pytest plugin: fail a test where a watch rule fires on a file of sentences.

    def test_nothing_is_doubtful(assert_decodes):
        assert_decodes("build/dates", "tests/dates.txt", rules=["lowConfidence(p < 0.5)"])

It is found by pytest once s2sdap is installed. Torch is imported by the first test that decodes, not
before. `--s2sdap-report-dir DIR` writes the reports of `s2sdap run` for every call.
"""

import functools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from s2sdap.cli.decoding_check import Checked
    from s2sdap.models.contract import Described

__all__ = ["assert_decodes"]

OPTION: Final = "--s2sdap-report-dir"
_NO_FILE_NAME: Final = re.compile(r"[^\w.-]+")


def assert_decodes(
    model: "str | Described",
    file: str | os.PathLike[str],
    rules: Sequence[str] | str = (),
    *,
    reference: str | os.PathLike[str] | None = None,
    expected: Sequence[str] | str | os.PathLike[str] | None = None,
    search: Mapping[str, Any] | None = None,
    generation: Mapping[str, Any] | None = None,
    device: str = "cpu",
    threads: int = 1,
    exact: bool = False,
    report: str | os.PathLike[str] | None = None,
) -> "Checked":
    """Decode `file` and fail the test where a rule fires, or a sentence cannot be decoded.

    Args:
        model: a bundled model's name, a checkpoint's folder, `hf:` and a folder or id, or a loaded model.
        file: a UTF-8 file of sentences, one a line.
        rules: watch rules as on the command line, such as `lowConfidence(p < 0.5)`; one, or several.
        reference: a file of references, for rules that look at them.
        expected: outputs that must come, one a line of `file`: a list, or the path of a file.
        search: search settings, in a launch's spelling (`beamSize`) or Python's (`beam_size`).
        generation: settings of a Hugging Face model's own `generate`.
        device: where the model runs.
        threads: threads of torch.
        exact: decode every sentence by itself.
        report: where to write reports, without the suffix: `.html` and `.jsonl` are added.

    Returns:
        What was decoded, where nothing was found.
    """
    __tracebackhide__ = True
    from s2sdap.cli.decoding_check import check_decodes  # noqa: PLC0415 - imports torch

    checked = check_decodes(
        model,
        os.fspath(file),
        rules,
        reference=None if reference is None else os.fspath(reference),
        expected=expected,
        search=search or {},
        generation=generation or {},
        device=device,
        threads=threads,
        exact=exact,
        report=None if report is None else Path(report),
    )
    if checked.failure:
        pytest.fail(checked.failure, pytrace=False)
    return checked


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that asks for reports."""
    group = parser.getgroup("s2sdap")
    group.addoption(OPTION, metavar="DIR", default=None, help="write a report of every decoded file here")


@pytest.fixture(name="assert_decodes")
def _assert_decodes(request: pytest.FixtureRequest) -> Callable[..., "Checked"]:
    """`assert_decodes`, which writes reports where `--s2sdap-report-dir` asks for them."""
    folder = request.config.getoption(OPTION)
    if folder is None:
        return assert_decodes
    names = _names(Path(folder), request.node.nodeid)

    @functools.wraps(assert_decodes)
    def reporting(*args: Any, **kwargs: Any) -> "Checked":
        __tracebackhide__ = True
        return assert_decodes(*args, **{"report": next(names), **kwargs})

    return reporting


def _names(folder: Path, test: str) -> Iterator[Path]:
    """A name for each call that a test makes."""
    base = _NO_FILE_NAME.sub("-", test).strip("-")
    number = 1
    while True:
        yield folder / (base if number == 1 else f"{base}-{number}")
        number += 1
