"""The error catalogue: numbers and names are one to one, and every raise fills its text.

The source of the package is read, not run: a refusal that no test provokes is checked as well.
"""

import ast
import string
from pathlib import Path

import pytest

import s2sdap
from s2sdap import S2sdapError
from s2sdap.vocabulary import sites, stages
from s2sdap.vocabulary.axes import AXES
from s2sdap.vocabulary.errors import CATALOGUE, ErrorKind, _catalogue

PACKAGE = Path(s2sdap.__file__).parent


def fields_of(template):
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(template) if name}


def raises():
    """Every `S2sdapError(name, detail=...)` in the source: file, line, name, details."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "S2sdapError":
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_raise_names_a_row_and_fills_its_text():
    found = list(raises())
    assert len(found) > 60
    for where, node in found:
        names = [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)]
        given = {keyword.arg for keyword in node.keywords}
        if not names or None in given:  # the name or the details are a variable's: tests provoke those
            continue
        for name in names:
            assert name in CATALOGUE, where
            kind = CATALOGUE[name]
            assert given >= fields_of(kind.what) | fields_of(kind.remedy), where


def test_no_row_is_without_a_raise():
    """A number that nothing raises any more is a promise that the documentation would make for nothing."""
    source = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path.name != "errors.py")
    assert [name for name in CATALOGUE if f'"{name}"' not in source] == []


def test_numbers_are_unique_and_grouped():
    numbers = [kind.number for kind in CATALOGUE.values()]
    assert numbers == sorted(set(numbers))
    assert all(1000 < number < 8000 for number in numbers)
    kind = ErrorKind(1, "a", "", "")
    for clash in (ErrorKind(1, "b", "", ""), ErrorKind(2, "a", "", "")):
        with pytest.raises(ValueError, match="share"):
            _catalogue(kind, clash)


def test_texts_are_sentences_without_their_full_stop():
    for kind in CATALOGUE.values():
        for text in (kind.what, kind.remedy):
            assert text == text.strip()
            assert not text.endswith(".")


def test_an_error_says_what_and_what_to_do():
    error = S2sdapError("unknown_model", model="x", known="dates, {braces}")
    assert (error.number, error.name) == (2001, "unknown_model")
    assert error.details == {"model": "x", "known": "dates, {braces}"}
    assert str(error) == (
        "S2S2001: There is no model 'x'; known are dates, {braces}. "
        "Give a checkpoint folder or one of the known names."
    )
    with pytest.raises(KeyError):
        S2sdapError("no_such_row")
    with pytest.raises(KeyError):
        S2sdapError("unknown_model", model="x")


def test_sites_are_written_in_the_axes_and_belong_to_a_stage():
    for name, site in sites.SITES.items():
        assert site.name == name
        assert set(site.axes.split()) <= AXES.keys()
        assert name.split(".")[0] == site.stage.value
    assert [stage.value for stage in stages.Stage] == [
        "encoder",
        "decoder",
        "attention",
        "prediction",
        "search",
    ]
