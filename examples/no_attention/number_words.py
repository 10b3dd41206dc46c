"""Numbers in digits and in English words: `417302` is `four hundred seventeen thousand three hundred two`."""

import hashlib
import random
from collections.abc import Iterator
from typing import Final

SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def words_of(number: int) -> str:
    """A number from 0 to 999,999 in words."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        ones = f" {SMALL[number % 10]}" if number % 10 else ""
        return f"{TENS[number // 10 - 2]}{ones}"
    unit, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" {words_of(number % unit)}" if number % unit else ""
    return f"{words_of(number // unit)} {name}{rest}"


def is_held_out(number: int) -> bool:
    """Whether a hash of the number says so, for 1 in 10: training draws none of those."""
    return hashlib.sha256(str(number).encode()).digest()[0] % 10 == 0


def numbers(count: int, digits: int, seed: int, *, held_out: bool) -> Iterator[tuple[str, str]]:
    """`count` different numbers of 1 to `digits` digits, each in digits and in words.

    As many of each length as there are, so that short ones are not rare.
    """
    draw = random.Random(f"{seed} {held_out}")
    seen = set[int]()
    while len(seen) < count:
        length = draw.randint(1, digits)
        number = draw.randrange(10 ** (length - 1) if length > 1 else 0, 10**length)
        if number not in seen and (length < 3 or is_held_out(number) == held_out):
            seen.add(number)
            yield str(number), words_of(number)
