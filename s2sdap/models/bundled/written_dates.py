"""Dates as people write them, and as ISO 8601 does: what the bundled model `dates` was trained on.

A day from 1950 to 2049 is written in one of the formats below. Which split a day belongs to is
decided by a hash of the day itself, so a test day is unseen in training in every format.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

Split = Literal["train", "validation", "test"]

FIRST_DAY: Final = date(1950, 1, 1)
LAST_DAY: Final = date(2049, 12, 31)
TRAINING: Final = 40_000
"""How many written dates the bundled model was trained on."""
TRAINING_SEED: Final = 1
"""Of their draw."""
TRAINING_SHA256: Final = "abe011abfa5a4ff5ac250140fe7c0473f676a844861faa0d150709d33d54561b"
"""Of the pairs as text: source, tab, target, line feed."""


@dataclass(frozen=True)
class Language:
    """The words of a language: twelve months, their short forms, seven weekdays from Monday."""

    months: tuple[str, ...]
    short: tuple[str, ...]
    weekdays: tuple[str, ...]


@dataclass(frozen=True)
class Format:
    """A way to write a date. Numeric order and separators are those that its language uses."""

    name: str
    language: str
    template: str


@dataclass(frozen=True)
class WrittenDate:
    """A date as written, its ISO form, and the format that wrote it."""

    text: str
    iso: str
    format: Format


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LANGUAGES: Final[dict[str, Language]] = {
    "english": Language(
        _words("January February March April May June July August September October November December"),
        _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    ),
    "german": Language(
        _words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
        _words("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        _words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
    ),
    "french": Language(
        _words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
        _words("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
        _words("lundi mardi mercredi jeudi vendredi samedi dimanche"),
    ),
    "spanish": Language(
        _words("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
        _words("ene. feb. mar. abr. may. jun. jul. ago. sept. oct. nov. dic."),
        _words("lunes martes miércoles jueves viernes sábado domingo"),
    ),
    "dutch": Language(
        _words("januari februari maart april mei juni juli augustus september oktober november december"),
        _words("jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec."),
        _words("maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"),
    ),
}

# No two formats can write the same text for different days: a slash is month first, as in the
# United States; a dot and a dash are day first; four digits in front are a year.
FORMATS: Final[tuple[Format, ...]] = (
    Format("iso", "english", "{yyyy}-{mm}-{dd}"),
    Format("slashed year first", "english", "{yyyy}/{mm}/{dd}"),
    Format("compact", "english", "{yyyy}{mm}{dd}"),
    Format("slashes", "english", "{m}/{d}/{yyyy}"),
    Format("slashes, two-digit year", "english", "{m}/{d}/{yy}"),
    Format("month day", "english", "{month} {d}, {yyyy}"),
    Format("month ordinal", "english", "{month} {d}{ordinal}, {yyyy}"),
    Format("day of month", "english", "the {d}{ordinal} of {month} {yyyy}"),
    Format("short", "english", "{d} {short} {yyyy}"),
    Format("compact month", "english", "{dd}{short}{yy}"),
    Format("weekday", "english", "{weekday}, {month} {d}, {yyyy}"),
    Format("dots", "german", "{d}.{m}.{yyyy}"),
    Format("dots, two-digit year", "german", "{dd}.{mm}.{yy}"),
    Format("long", "german", "{d}. {month} {yyyy}"),
    Format("short", "german", "{d}. {short} {yyyy}"),
    Format("weekday", "german", "{weekday}, den {d}. {month} {yyyy}"),
    Format("long", "french", "{d} {month} {yyyy}"),
    Format("short", "french", "{d} {short} {yyyy}"),
    Format("weekday", "french", "{weekday} {d} {month} {yyyy}"),
    Format("long", "spanish", "{d} de {month} de {yyyy}"),
    Format("short", "spanish", "{d} {short} {yyyy}"),
    Format("weekday", "spanish", "{weekday}, {d} de {month} de {yyyy}"),
    Format("dashes", "dutch", "{d}-{m}-{yyyy}"),
    Format("long", "dutch", "{d} {month} {yyyy}"),
    Format("weekday", "dutch", "{weekday} {d} {month} {yyyy}"),
)


def split_of(day: date) -> Split:
    """The split of a calendar day: 1 in 10 days is a test day, 1 in 20 a validation day."""
    place = int.from_bytes(hashlib.sha256(day.isoformat().encode()).digest()[:4], "big") % 20
    return "test" if place < 2 else "validation" if place == 2 else "train"


def days(split: Split) -> list[date]:
    """The days of `split`, in order."""
    count = (LAST_DAY - FIRST_DAY).days + 1
    return [day for day in (FIRST_DAY + timedelta(n) for n in range(count)) if split_of(day) == split]


def write(day: date, form: Format) -> str:
    """`day` as `form` writes it, in the case of a dictionary."""
    language = LANGUAGES[form.language]
    ordinal = "th" if 10 < day.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return form.template.format(
        yyyy=day.year,
        yy=f"{day.year % 100:02d}",
        m=day.month,
        mm=f"{day.month:02d}",
        d=day.day,
        dd=f"{day.day:02d}",
        ordinal=ordinal,
        month=language.months[day.month - 1],
        short=language.short[day.month - 1],
        weekday=language.weekdays[day.weekday()],
    )


def written_dates(
    split: Split, count: int, seed: int, formats: Sequence[Format] = FORMATS
) -> Iterator[WrittenDate]:
    """`count` days of `split` in random formats; a third of them all lower or all upper case."""
    draw = random.Random(f"{split} {seed}")  # noqa: S311 - nothing is to be secret
    known = days(split)
    for _ in range(count):
        day, form = draw.choice(known), draw.choice(formats)
        text = write(day, form)
        case = draw.randrange(6)
        yield WrittenDate(
            text.lower() if case == 0 else text.upper() if case == 1 else text, day.isoformat(), form
        )


def training_pairs() -> list[tuple[str, str]]:
    """The pairs that the bundled model was trained on, as (source, target) texts."""
    return [(each.text, each.iso) for each in written_dates("train", TRAINING, TRAINING_SEED)]
