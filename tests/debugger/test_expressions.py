"""The expression language: what it allows, where it says the trouble is, and that nothing escapes it."""

import math
import time

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from s2sdap import S2sdapError
from s2sdap.debugger.expressions import FUNCTIONS, compile_expression
from s2sdap.debugger.fields import FIELDS, LOOKUPS

NAMES = {
    "p": 0.25,
    "step": 3,
    "token": "zwölf",
    "tokens": ["a", "zwölf", "</s>"],
    "attention": [0.1, 0.6, 0.3],
    "reference": None,
}


def attention_at(layer=None, head=None):
    """As where a model has one layer and one head."""
    if (layer or 0, head or 0) != (0, 0):
        raise S2sdapError("bad_value", value=layer, name="layer", reason="there is 1", expected="0")
    return NAMES["attention"]


SEEN = {
    "prob": {"a": 0.5, "zwölf": 0.25}.__getitem__,
    "rank_of": ["a", "zwölf"].index,
    "attention_at": attention_at,
}
"""What the functions that look at a step find there."""


def value_of(text, names=NAMES):
    return compile_expression(text, names)({**SEEN, **names})


VALUES = [
    ("p < 0.3 and token != '.'", True),
    ("p < 0.3 and token", "zwölf"),
    ("p > 0.3 and 1/0", False),
    ("p < 0.3 or 1/0", True),
    ("0 < p < step < 4", True),
    ("0 < p < 0.1 < 1/0", False),
    ("not token", False),
    ("-step", -3),
    ("+step", 3),
    ("step * 2 + 1", 7),
    ("(step - 1) / 4", 0.5),
    ("step // 2", 1),
    ("-step % 2", 1),
    ("token + '!'", "zwölf!"),
    ("token in tokens", True),
    ("'wö' in token", True),
    ("'x' not in tokens", True),
    ("tokens[-1]", "</s>"),
    ("tokens[:2]", ["a", "zwölf"]),
    ("tokens[::-1][0]", "</s>"),
    ("token[1]", "w"),
    ("[[1, 2], [3, 4]][1, 0]", 3),
    ("[step, token]", [3, "zwölf"]),
    ("(1, 2)", [1, 2]),
    ("argmax(attention)", 1),
    ("max(attention)", 0.6),
    ("max(1, 3, 2)", 3),
    ("min(attention)", 0.1),
    ("len(tokens) + len(token)", 8),
    ("sum(attention[:2])", 0.7),
    ("abs(-2)", 2),
    ("round(p, 1)", 0.2),
    ("round(2.6)", 3),
    ("exp(0)", 1.0),
    ("log(1)", 0.0),
    ("sqrt(9)", 3.0),
    ("reference == None", True),
    ("'yes' if p < 1 else 1/0", "yes"),
    ("True", True),
    ("  \n p  ", 0.25),
    ("1 == 1.0", True),
    ("18446744073709551616", 2**64),
    ("all([1, p])", True),
    ("any([0, ''])", False),
    ("count(tokens, 'a')", 1),
    ("startswith(token, 'zw') and endswith(token, 'lf')", True),
    ("ngram_repeats([1, 2, 1, 2], 2)", 1),
    ("ngram_repeats(tokens, 1)", 0),
    ("ngram_repeats([1], 2)", 0),
    ("prob('a') > prob(token)", True),
    ("rank_of(token)", 1),
    ("argmax(attention_at(0, 0))", 1),
    ("attention_at(None, 0)[2]", 0.3),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_what_it_can_say(text, value):
    assert value_of(text) == (pytest.approx(value) if isinstance(value, float) else value)


def test_an_expression_knows_its_names():
    compiled = compile_expression(" p < 0.5 or len(tokens) > step ", FIELDS)
    assert compiled.names == {"p", "tokens", "step"}
    assert compiled.text == "p < 0.5 or len(tokens) > step"


# Text, name of the error, 1-based column.
REFUSED = [
    ("", "expression_syntax", 1),
    ("p <", "expression_syntax", 4),
    ("p = 1", "expression_syntax", 3),
    ("p; p", "expression_syntax", 2),
    ("import os", "expression_syntax", 1),
    ("token.upper", "expression_syntax", 1),
    ("1 + token.upper()", "expression_syntax", 5),
    ("().__class__", "expression_syntax", 1),
    ("[x for x in tokens]", "expression_syntax", 1),
    ("1 + (lambda: 1)", "expression_syntax", 6),
    ("(p := 1)", "expression_syntax", 2),
    ("f'{p}'", "expression_syntax", 1),
    ("2 ** 3", "expression_syntax", 1),
    ("1 << 3", "expression_syntax", 1),
    ("p @ p", "expression_syntax", 1),
    ("~step", "expression_syntax", 1),
    ("p is None", "expression_syntax", 1),
    ("{1: 2}", "expression_syntax", 1),
    ("{1}", "expression_syntax", 1),
    ("b'x'", "expression_syntax", 1),
    ("1j", "expression_syntax", 1),
    ("...", "expression_syntax", 1),
    ("max(*tokens)", "expression_syntax", 5),
    ("max(1, key=2)", "expression_syntax", 1),
    ("open('x')", "expression_syntax", 1),
    ("1 + p()", "expression_syntax", 5),
    ("len", "expression_name", 1),
    ("p + prob", "expression_syntax", 5),
    ("attention_at(layer=1)", "expression_syntax", 1),
    ("prob('a').real", "expression_syntax", 1),
    ("__import__", "expression_name", 1),
    ("tokns", "expression_name", 1),
    ("p + tokns", "expression_name", 5),
    ("   tokns", "expression_name", 4),
    ("\t p + tokns", "expression_name", 7),
    ("   p + ", "expression_syntax", 7),
    ("'ä' + tokns", "expression_name", 7),
    ("'日本語🎉' + tokns", "expression_name", 10),
    ("  '日本語🎉' == (tokns)", "expression_name", 14),
    ("'a\u2028b' + tokns", "expression_name", 9),
    ("(1 +\n  tokns)", "expression_name", 3),
    ("(1 +\r\n  tokns)", "expression_name", 3),
    ("\n\n  tokns", "expression_name", 3),
    ("p +\x00 p", "expression_syntax", 1),
    ("\ud800", "expression_syntax", 1),
]


@pytest.mark.parametrize(("text", "name", "column"), REFUSED)
def test_what_it_refuses_to_read_and_where(text, name, column):
    with pytest.raises(S2sdapError) as refused:
        compile_expression(text, NAMES)
    assert refused.value.name == name
    if "\x00" not in text:  # versions of Python differ in where they see it
        assert refused.value.details["column"] == column


FAULTS = [
    ("1 / 0", 1),
    ("step + (1 / 0)", 9),
    ("'ä' in 5", 1),
    ("'zwölf' == token and 1 // 0", 22),
    ("token < 1", 1),
    ("token * 3", 1),
    ("'%s' % token", 1),
    ("tokens + tokens", 1),
    ("tokens * 2", 1),
    ("token + 1", 1),
    ("-token", 1),
    ("tokens[9]", 1),
    ("tokens['x']", 1),
    ("step[0]", 1),
    ("tokens[::0]", 1),
    ("log(0)", 1),
    ("sqrt(-1)", 1),
    ("exp(1000)", 1),
    ("max([])", 1),
    ("argmax([])", 1),
    ("len(1)", 1),
    ("sum(tokens)", 1),
    ("all(1)", 1),
    ("count(1, 1)", 1),
    ("startswith(1, 'a')", 1),
    ("startswith('a', 1)", 1),
    ("endswith(tokens, 'a')", 1),
    ("p < 1 and ngram_repeats(tokens, 0)", 11),
    ("ngram_repeats(tokens, 1.5)", 1),
    ("ngram_repeats(step, 1)", 1),
    ("1 + prob()", 5),
    ("prob('zzz')", 1),
    ("rank_of(tokens)", 1),
    ("round('a')", 1),
    ("round(1e999)", 1),
    ("round(1, 10000000000)", 1),
    ("round(1, -10000000000)", 1),
    ("18446744073709551616 * 18446744073709551616", 1),
    ("18446744073709551616 + 1", 1),
    ("-18446744073709551616 - 1", 1),
]


@pytest.mark.parametrize(("text", "column"), FAULTS)
def test_what_cannot_be_told_and_where(text, column):
    with pytest.raises(S2sdapError) as refused:
        value_of(text)
    assert refused.value.name == "expression_value"
    assert refused.value.details["column"] == column


@pytest.mark.parametrize(
    "text",
    [
        "1" * 1001,
        "18446744073709551617",
        "9" * 999,
        "-" * 999 + "1",
        "(" * 499 + ")" * 499,
        "[" * 60 + "]" * 60,
        "+".join(["1"] * 200),
        "not " * 60 + "p",
        "p if p else " * 45 + "p",
        "-" * 45 + "p",
    ],
)
def test_bounds(text):
    with pytest.raises(S2sdapError) as refused:
        compile_expression(text, NAMES)
    assert refused.value.name in ("expression_limit", "expression_syntax")


def test_strings_and_numbers_do_not_grow():
    with pytest.raises(S2sdapError):
        value_of('"a"*10**9')
    names = {"long": "x" * 9000}
    assert len(value_of("long", names)) == 9000
    with pytest.raises(S2sdapError, match="too long"):
        value_of("long + long", names)
    assert len(value_of("long", {"long": "x" * 10_001})) == 10_001, "a field may be as long as it is"


def test_a_wrong_name_is_put_right():
    with pytest.raises(S2sdapError, match="did you mean 'entropy'"):
        compile_expression("entropi > 1", FIELDS)
    with pytest.raises(S2sdapError, match="did you mean 'sqrt'"):
        compile_expression("sqr > 1", FIELDS)


# ---------------------------------------------------------------- fuzz


def only_refusals(text):
    """It is told, or refused with an error of the catalogue, and at once."""
    start = time.thread_time()
    refused = None
    try:
        value_of(text)
    except S2sdapError as error:
        refused = error
    assert refused is None or refused.name.startswith("expression_") or refused.name == "bad_value"
    assert refused is None or refused.details.get("column", 1) >= 1
    assert time.thread_time() - start < 1


@given(st.text(max_size=200))
@example("\x0c\n1")
@example("1_000_000" * 20)
@example("0x" + "f" * 500)
@example("'\\N{BULLET}'")
@example("1if 1else 2")
@example("'\\d'")
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_text(text):
    only_refusals(text)


PARTS = [
    *NAMES,
    *FUNCTIONS,
    *LOOKUPS,
    "1",
    "0",
    "2.5",
    "1e308",
    "18446744073709551615",
    "'a'",
    "''",
    "None",
    "True",
]
PARTS += ["+", "-", "*", "/", "//", "%", "**", "<", "==", "in", "not", "and", "or", "if", "else", "is"]
PARTS += ["(", ")", "[", "]", "{", "}", ",", ":", ".", "lambda", "for", "@", "~", ":=", "__class__", "await"]


@given(st.lists(st.sampled_from(PARTS), max_size=40))
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_row_of_words(parts):
    only_refusals(" ".join(parts))


LEAVES = st.sampled_from(
    [
        *NAMES,
        "1",
        "0",
        "-7",
        "2.5",
        "1e308",
        "1e999",
        "18446744073709551615",
        "'a'",
        "'ä🎉'",
        "None",
        "[]",
        "True",
    ]
)


def grown(children):
    operators = ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "in", "not in", "and", "or"]
    return st.one_of(
        st.tuples(children, st.sampled_from(operators), children).map(
            lambda it: f"({it[0]} {it[1]} {it[2]})"
        ),
        st.tuples(st.sampled_from(sorted((*FUNCTIONS, *LOOKUPS))), st.lists(children, max_size=3)).map(
            lambda it: f"{it[0]}({', '.join(it[1])})"
        ),
        st.tuples(children, children).map(lambda it: f"({it[0]})[{it[1]}]"),
        st.tuples(children, children, children).map(lambda it: f"({it[0]})[{it[1]}:{it[2]}]"),
        st.tuples(children, children, children).map(lambda it: f"({it[0]} if {it[1]} else {it[2]})"),
        st.lists(children, max_size=3).map(lambda it: f"[{', '.join(it)}]"),
        children.map(lambda it: f"(not {it})"),
        children.map(lambda it: f"(-{it})"),
    )


@given(st.recursive(LEAVES, grown, max_leaves=25))
@hypothesis_settings(max_examples=500, deadline=None)
def test_any_tree(text):
    only_refusals(text)


@given(st.integers(-(2**64), 2**64), st.integers(-(2**64), 2**64))
@hypothesis_settings(max_examples=100, deadline=None)
def test_arithmetic_is_pythons_within_its_bounds(a, b):
    names = {"a": a, "b": b}
    for operator in ("a + b", "a - b", "a * b", "a // b", "a % b", "a < b", "a == b"):
        try:
            expected = eval(operator, {}, names)
        except ZeroDivisionError:
            expected = None
        if expected is None or abs(expected) > 2**64:
            with pytest.raises(S2sdapError):
                value_of(operator, names)
        else:
            assert value_of(operator, names) == expected


def test_numbers_that_are_none():
    assert math.isnan(value_of("1e999 - 1e999"))
    assert value_of("1e999 > 1")
