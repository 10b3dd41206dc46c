"""How a hypothesis repeats itself."""

from s2sdap.decoding.records import Hypothesis


def repeats(hypothesis: Hypothesis) -> int:
    """The length of the longest run of tokens that it ends with and that has come before.

    Overlapping counts: of a, a, a the last two have come before.
    """
    last = hypothesis.token
    node = hypothesis.parent
    found = 0
    while node is not None and node.parent is not None:
        if node.token == last:  # most tokens part here at once
            found = max(found, _common(hypothesis, node))
        node = node.parent
    return found


def _common(one: Hypothesis, other: Hypothesis) -> int:
    """How many of their last tokens are the same."""
    count = 0
    a: Hypothesis | None = one
    b: Hypothesis | None = other
    while a is not None and b is not None and b.parent is not None and a.token == b.token:
        count += 1
        a, b = a.parent, b.parent
    return count
