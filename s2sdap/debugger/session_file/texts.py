"""The texts of target prefixes: kept as what each token changes, since no vocabulary can be asked later.

Text is not always pieces put together: a byte-level tokenizer joins bytes, another takes off blanks.
So the text of every recorded prefix is told by its own tokenizer when the session is saved.
"""

from collections.abc import Sequence

from s2sdap.debugger.session_file.layout import TextTree
from s2sdap.models.tokens import TargetVocabulary, added_words


class Texts:
    """The tree while it grows, for a vocabulary of `size` tokens; `start` is the text of no token at all.

    `words` are what sources have added to the vocabulary, each once.
    """

    def __init__(self, start: str, size: int) -> None:
        self._size = size
        self._nodes: dict[tuple[int, int], int] = {}
        self._texts = [start]
        self._tree = TextTree(start, [], [], [], [])
        self.words: dict[str, int] = {}

    def numbers(self, target: TargetVocabulary) -> list[int]:
        """The numbers in `words` of what a source has added to a vocabulary."""
        return [self.words.setdefault(word, len(self.words)) for word in added_words(target)]

    def add(self, parent: int, tokens: Sequence[int], target: TargetVocabulary) -> int:
        """The node of prefix `parent` continued by the last of `tokens`, which are the whole prefix."""
        token = tokens[-1]
        if token >= self._size and (words := added_words(target)):
            token = self._size + self.words[words[token - self._size]]
        known = self._nodes.get((parent, token))
        if known is not None:
            return known
        before, after = self._texts[parent], target.text(tokens)
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
