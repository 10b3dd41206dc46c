"""Watch rules: how they are written, and when they fire."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from s2sdap import S2sdapError
from s2sdap.debugger.watch_rules import WATCH_RULES, arm, parse_rule, rules_for


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("lowConfidence", "p < 0.5"),
        ("  lowConfidence  ", "p < 0.5"),
        ("lowConfidence()", "p < 0.5"),
        ("lowConfidence(p < 0.3)", "p < 0.3"),
        (" lowConfidence ( (p + 1) < 2 ) ", "(p + 1) < 2"),
        ("lowConfidence(token == ')')", "token == ')'"),
        ("lowConfidence((p <\n 1))", "(p <\n 1)"),
    ],
)
def test_a_rule_as_people_write_it(written, condition):
    armed = parse_rule(written)
    assert (armed.rule.id, armed.condition.text) == ("lowConfidence", condition)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("", "unknown_watch_rule"),
        ("nothing", "unknown_watch_rule"),
        ("lowconfidence", "unknown_watch_rule"),
        ("lowConfidence p", "unknown_watch_rule"),
        ("lowConfidence(p", "expression_syntax"),
        ("lowConfidence(p <)", "expression_syntax"),
        ("lowConfidence(q < 1)", "expression_name"),
        ("lowConfidence(p ** 2)", "expression_syntax"),
    ],
)
def test_what_is_no_rule(written, name):
    with pytest.raises(S2sdapError) as refused:
        parse_rule(written)
    assert refused.value.name == name


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("highEntropy(p <)", "In `p <` of highEntropy: Column 4: invalid syntax"),
        ("lowConfidence(q < 1)", "In `q < 1` of lowConfidence: Column 1: there is no 'q' here"),
        ("lowConfidence(p < 0.5) x", "Column 24: something follows the bracket of the rule"),
        ("lowConfidence(token == ')') x)x", "Column 29: something follows the bracket of the rule"),
        (
            "lowConfidence(p < 0.5",
            "In `lowConfidence(p < 0.5`: Column 22: the bracket of the rule is not closed",
        ),
        ("lowConfidence(token == ')'", "Column 27: the bracket of the rule is not closed"),
        ("lowConfidence(len(source) > 3", "Column 30: the bracket of the rule is not closed"),
        ("low confidence(p) x", "There is no watch rule 'low confidence(p) x'"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told_of_that_rule(written, what):
    with pytest.raises(S2sdapError) as refused:
        parse_rule(written)
    assert what in refused.value.what
    assert str(refused.value).startswith(f"S2S{refused.value.number}: {refused.value.what}")


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=150, deadline=None)
def test_any_text_is_a_rule_or_refused(text):
    for written in (text, f"lowConfidence({text})"):
        try:
            armed = parse_rule(written)
        except S2sdapError:
            continue
        assert armed.rule.id in WATCH_RULES


def test_it_fires_when_its_condition_holds():
    assert arm("lowConfidence").fires({"p": 0.49})
    assert not arm("lowConfidence").fires({"p": 0.5})
    assert arm("lowConfidence", "p > 0.9 and token == 'x'").fires({"p": 0.95, "token": "x"})


def test_every_rule_has_a_condition_that_can_be_read():
    for name, rule in WATCH_RULES.items():
        assert arm(name).condition.text == rule.condition
        assert rule.label
        assert rule.meaning.endswith(".")
    assert rules_for(None) == list(WATCH_RULES.values())
    assert all(not rule.needs for rule in rules_for(()))
