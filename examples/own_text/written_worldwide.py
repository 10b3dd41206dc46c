"""Dates in five scripts and what they are in ISO 8601: a sample of a text file of one's own.

Arabic and Hebrew are written from right to left; Chinese and Japanese without spaces. Digits are
Arabic-Indic, Chinese, of full width, or ours.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final

FIRST_DAY: Final = date(1950, 1, 1)
DAYS: Final = 36525  # a hundred years


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ARABIC: Final = _words("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر")
HEBREW: Final = _words("ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר")
ARABIC_WEEKDAYS: Final = _words("الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد")
ARABIC_DIGITS: Final = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WIDE_DIGITS: Final = str.maketrans("0123456789", "０１２３４５６７８９")
CHINESE_DIGITS: Final = "〇一二三四五六七八九"


def arabic(day: date) -> str:
    """`٣ مارس ١٩٩٩`."""
    return f"{day.day} {ARABIC[day.month - 1]} {day.year}".translate(ARABIC_DIGITS)


def arabic_with_weekday(day: date) -> str:
    """`الأربعاء، ٣ مارس ١٩٩٩`."""
    return f"{ARABIC_WEEKDAYS[day.weekday()]}، {arabic(day)}"


def hebrew(day: date) -> str:
    """`3 במרץ 1999`."""
    return f"{day.day} ב{HEBREW[day.month - 1]} {day.year}"


def chinese(day: date) -> str:
    """`一九九九年三月三日`."""
    year = "".join(CHINESE_DIGITS[int(digit)] for digit in str(day.year))
    return f"{year}年{chinese_number(day.month)}月{chinese_number(day.day)}日"


def chinese_number(number: int) -> str:
    """A number from 1 to 99 in Chinese: 3 is 三, 13 十三, 30 三十, 31 三十一."""
    tens, ones = divmod(number, 10)
    written = ("" if tens == 1 else CHINESE_DIGITS[tens]) + "十" if tens else ""
    return written + (CHINESE_DIGITS[ones] if ones else "")


def japanese(day: date) -> str:
    """`１９９９年３月３日（水）`, its digits of full width."""
    return f"{day.year}年{day.month}月{day.day}日（{'月火水木金土日'[day.weekday()]}）".translate(WIDE_DIGITS)


def korean(day: date) -> str:
    """`1999년 3월 3일 수요일`."""
    return f"{day.year}년 {day.month}월 {day.day}일 {'월화수목금토일'[day.weekday()]}요일"


WRITERS: Final[dict[str, Callable[[date], str]]] = {
    "Arabic": arabic,
    "Arabic, weekday": arabic_with_weekday,
    "Hebrew": hebrew,
    "Chinese": chinese,
    "Japanese": japanese,
    "Korean": korean,
}


def sample(count: int, seed: int, names: Sequence[str] = tuple(WRITERS)) -> Iterator[tuple[str, str, str]]:
    """`count` lines: a date as written, its ISO form, and who wrote it. No line comes twice."""
    draw = random.Random(seed)
    seen = set[str]()
    while len(seen) < count:
        day = FIRST_DAY + timedelta(draw.randrange(DAYS))
        name = draw.choice(names)
        text = WRITERS[name](day)
        if text not in seen:
            seen.add(text)
            yield text, day.isoformat(), name
