"""A launch in Python's words, turned into the protocol's."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from s2sdap.protocol.arguments import FilterOption, SetExceptionBreakpoints
from s2sdap.vocabulary.errors import S2sdapError

Rules = Mapping[str, str | None] | Iterable[str]
"""Watch rules by their id: with a condition for each (`None` or a blank one is its own), or the ids alone."""


def launch_arguments(
    program: str | os.PathLike[str] | None,
    source: str | None,
    reference: str | os.PathLike[str] | None,
    search: Mapping[str, Any],
    others: Mapping[str, Any],
) -> dict[str, Any]:
    """The arguments of `launch`. Paths become absolute: the adapter may run in another folder."""
    arguments = {camel_case(name): value for name, value in others.items() if value is not None}
    if program is not None:
        arguments["program"] = os.path.abspath(program)
    if source is not None:
        arguments["source"] = source
    if reference is not None:  # text beside a source, a file beside a program
        arguments["reference"] = os.path.abspath(reference) if source is None else os.fspath(reference)
    if search:
        arguments["search"] = {camel_case(name): value for name, value in search.items()}
    return arguments


def index_named(index: str | os.PathLike[str] | None) -> str | None:
    """An index as a launch names it: a URI as it is, a folder by its whole path."""
    if index is None:
        return None
    path = os.fspath(index)
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


MODEL_ERROR = "modelError"
"""The filter under which a failure of the model stops a run."""


def exception_breakpoints(rules: Rules, *, errors: bool = True) -> SetExceptionBreakpoints:
    """The request that switches exactly these watch rules on; `errors` is about failures of the model."""
    ids = (rules,) if isinstance(rules, str) else rules
    conditions = dict(rules) if isinstance(rules, Mapping) else dict.fromkeys(ids)
    if errors:
        conditions.setdefault(MODEL_ERROR, None)
    return SetExceptionBreakpoints(
        filters=[rule for rule, condition in conditions.items() if _blank(condition)],
        filter_options=[
            FilterOption(rule, condition) for rule, condition in conditions.items() if not _blank(condition)
        ],
    )


def _blank(condition: str | None) -> bool:
    return condition is None or not condition.strip()


def camel_case(name: str) -> str:
    """`beam_size` as the protocol writes it: `beamSize`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def read_token(path: str | os.PathLike[str]) -> str:
    """The token in the file that a server wrote. Raises `token_unreadable`."""
    try:
        token = Path(path).expanduser().read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise S2sdapError("token_unreadable", path=path, reason=error) from error
    if not token:
        raise S2sdapError("token_unreadable", path=path, reason="the file is empty")
    return token
