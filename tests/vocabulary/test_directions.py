"""Text that is written to the left stays out of the numbers beside it."""

import pytest

from s2sdap.vocabulary.directions import apart


@pytest.mark.parametrize("text", ["", "Haus", "'1'", "東京", "Größe", "é\u0301", "12:30"])
def test_a_text_that_is_written_to_the_right_is_given_back_as_it_is(text):
    assert apart(text) is text


@pytest.mark.parametrize("text", ["שלום", "'أين'", "12 أ", "ߒߞߏ"])
def test_a_text_with_letters_that_are_written_to_the_left_is_isolated(text):
    assert apart(text) == f"\u2068{text}\u2069"
