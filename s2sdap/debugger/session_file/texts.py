"""The texts of target prefixes: kept as what each token changes, since no vocabulary can be asked later.

Text is not always pieces put together: a byte-level tokenizer joins bytes, another takes off blanks.
So the text of every recorded prefix is told by its own tokenizer when the session is saved.
"""

from collections.abc import Callable, Sequence

from s2sdap.debugger.session_file.layout import TextTree


class Texts:
    """The tree while it grows. `text` is the tokenizer's."""

    def __init__(self, text: Callable[[Sequence[int]], str]) -> None:
        self._text = text
        self._nodes: dict[tuple[int, int], int] = {}
        self._texts = [text(())]
        self._tree = TextTree(self._texts[0], [], [], [], [])

    def add(self, parent: int, token: int, tokens: Callable[[], Sequence[int]]) -> int:
        """The node of prefix `parent` continued by `token`; `tokens` is the whole prefix."""
        known = self._nodes.get((parent, token))
        if known is not None:
            return known
        before, after = self._texts[parent], self._text(tokens())
        keep = len(before) if after.startswith(before) else _alike(before, after)
        node = self._nodes[parent, token] = len(self._texts)
        self._texts.append(after)
        tree = self._tree
        for column, value in ((tree.parent, parent), (tree.token, token), (tree.keep, keep)):
            column.append(value)
        tree.add.append(after[keep:])
        return node

    def told(self) -> TextTree:
        """The tree as it stands."""
        return self._tree


def _alike(before: str, after: str) -> int:
    """How many characters two texts have in common from the start, one of which ends or differs there."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (old, new) in pairs if old != new), min(len(before), len(after)))


class RecordedTexts:
    """The tree read again."""

    def __init__(self, tree: TextTree) -> None:
        """Raises `ValueError` where it is no tree."""
        columns = (tree.parent, tree.token, tree.keep, tree.add)
        if len({len(column) for column in columns}) != 1:
            raise ValueError("the columns of texts differ in length")
        if any(not 0 <= parent <= node for node, parent in enumerate(tree.parent)):
            raise ValueError("a text continues one that comes after it")
        self._tree = tree
        pairs = zip(tree.parent, tree.token, strict=True)
        self._nodes = {pair: node for node, pair in enumerate(pairs, start=1)}

    def text(self, tokens: Sequence[int]) -> str | None:
        """The text of a prefix, `None` where it was not recorded."""
        node, text = 0, self._tree.start
        for token in tokens:
            found = self._nodes.get((node, token))
            if found is None:
                return None
            node = found
            text = text[: self._tree.keep[node - 1]] + self._tree.add[node - 1]
        return text
