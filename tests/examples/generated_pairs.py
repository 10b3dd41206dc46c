"""A folder of parallel text small enough to learn from in seconds: a few words, made into sentences."""

import itertools
import random
from pathlib import Path

ARTICLES = (("the", "der"), ("a", "ein"), ("this", "dieser"))
NOUNS = (("dog", "hund"), ("man", "mann"), ("tree", "baum"), ("bird", "vogel"), ("table", "tisch"))
VERBS = (("sees", "sieht"), ("finds", "findet"), ("hears", "hört"), ("likes", "mag"))
PLACES = (("", ""), ("here", "hier"), ("today", "heute"), ("in the garden", "im garten"))


def sentence_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """`count` different English sentences, with the same in German words."""
    every = list(itertools.product(ARTICLES, NOUNS, VERBS, ARTICLES, NOUNS, PLACES))
    chosen = random.Random(seed).sample(every, count)
    sides = [tuple(" ".join(filter(None, words)) for words in zip(*parts, strict=True)) for parts in chosen]
    return [(f"{english} .", f"{german} .") for english, german in sides]


def write_texts(folder: Path, train: int = 200) -> Path:
    """`folder` with `train`, `val` and `test` files of sentence pairs, named as corpora are."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = sentence_pairs(train + 30, seed=4)
    for name, part in (("train.tok", pairs[30:]), ("val.tok", pairs[:20]), ("test_small.tok", pairs[20:30])):
        for side, language in enumerate(("en", "de")):
            text = "".join(f"{pair[side]}\n" for pair in part)
            (folder / f"{name}.{language}").write_text(text, encoding="utf-8")
    return folder
