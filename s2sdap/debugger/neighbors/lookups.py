"""`neighbors(state, k=20)` as people write it in a watch, in the console or under the mouse.

It stands by itself and not in an expression: what it gives is a list of training positions, which
conditions have no use for; they ask for `training_distance` and `training_percentile`.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from s2sdap.debugger.editing.left_sides import SHORT
from s2sdap.debugger.editing.reading import Written
from s2sdap.debugger.fields import NEIGHBORS, is_lookup
from s2sdap.debugger.neighbors.places import StatePlace
from s2sdap.neighbors.states import INDEXABLE, StateSite
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES

MOST: Final = 1000
"""Neighbours that one answer can be asked for."""
DEFAULT_K: Final = 20
NAMES: Final = {
    "encoder": sites.ENCODER_STATES,
    **{short: site for short, site in SHORT.items() if site in INDEXABLE},
    **{site: site for site in INDEXABLE},
}
"""The sites by the names that a lookup may use."""
_FORM: Final = rf"\s*{NEIGHBORS}\s*\("


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which neighbours: how many, by which metric and search, and which of them count.

    `token` is a piece, or `"#12"`, of the side that the site is of; `right` says whether the model
    predicted the corpus's token; `sentences` are the first and the last of a range of the index;
    `others` leaves out the training sentences that read as this one.
    """

    k: int = DEFAULT_K
    metric: str | None = None
    kind: str | None = None
    token: str | None = None
    right: bool | None = None
    sentences: tuple[int, int] | None = None
    others: bool = False

    def __post_init__(self) -> None:
        check_count(self.k)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A lookup as it was written; `number` is that of one neighbour, where one is asked for."""

    place: StatePlace
    wanted: Wanted = field(default_factory=Wanted)
    number: int | None = None


def check_count(k: int) -> None:
    """Refuse to look for none, or for more than an answer can hold."""
    if not 1 <= k <= MOST:
        raise S2sdapError(
            "bad_value", value=k, name="k", reason=f"{MOST} at most", expected="a number from 1"
        )


def parse_lookup(text: str) -> Lookup:
    """The lookup that a text is. Raises `expression_syntax` with the column where the trouble starts."""
    written = Written(text)
    try:
        return _parsed(written)
    except S2sdapError as error:
        if error.name != "edit_syntax":
            raise
        raise S2sdapError("expression_syntax", **error.details) from None


def _parsed(written: Written) -> Lookup:
    if written.take(_FORM) is None:
        raise written.refusal("`neighbors(` is wanted here")
    place = read_place(written)
    options: dict[str, object] = {}
    while written.take(r"\)") is None:
        if written.take(",") is None:
            raise written.refusal("a comma or the closing bracket is wanted here")
        written.blanks()
        begun = written.at
        name = written.take(r"[A-Za-z_]\w*")
        reader = OPTIONS.get(name or "")
        if name is None or reader is None or name in options:
            written.at = begun
            near = difflib.get_close_matches(name or "", OPTIONS, n=1)
            hint = f"; did you mean `{near[0]}=`?" if near and near[0] != name else ""
            twice = (
                f"{name} is named twice" if name in options else f"{', '.join(OPTIONS)} can be named{hint}"
            )
            raise written.refusal(twice)
        if written.take("=") is None:
            raise written.refusal(f"`=` and the value of {name} are wanted here")
        options[name] = reader(written)
    number = None
    if written.take(r"\[") is not None:
        number = written.whole("the number of a neighbour, 0 for the nearest,")
        if written.take(r"\]") is None:
            raise written.refusal("the bracket is not closed")
    written.end()
    return Lookup(place, Wanted(**options), number)  # type: ignore[arg-type]  # each reader gives its type


def read_whole_place(text: str) -> StatePlace:
    """The place that all of a text names. Raises `expression_syntax`."""
    written = Written(text)
    try:
        place = read_place(written)
        written.end()
    except S2sdapError as error:
        if error.name != "edit_syntax":
            raise
        raise S2sdapError("expression_syntax", **error.details) from None
    return place


def read_place(written: Written) -> StatePlace:
    """A place as it is named: `state`, `encoder[3]`, `layers[1]`, `encoder.layers[0][3]`."""
    written.blanks()
    begun = written.at
    name = written.take(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?") or ""
    site = NAMES.get(name)
    if site is None:
        written.at = begun
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise written.refusal(f"a state is wanted here: {', '.join(NAMES)}{hint}")
    layer = position = None
    if "L" in SITES[site].axes.split():
        written_dot = written.take(r"\.(?=\d)") is not None
        if not written_dot and written.take(r"\[") is None:
            raise written.refusal(f"the layer of {site} is wanted here, as in {name}[0]")
        layer = int(written.take(r"\d{1,6}") or -1)
        if layer < 0:
            raise written.refusal("the number of a layer, 0 for the first, is wanted here")
        if not written_dot and written.take(r"\]") is None:
            raise written.refusal("the bracket is not closed")
    place = StateSite(site, layer)
    if place.of_source and written.take(r"\[") is not None:
        position = written.whole("a source position, 0 for the first token,")
        if written.take(r"\]") is None:
            raise written.refusal("the bracket is not closed")
    return StatePlace(place, position)


def written(place: StatePlace) -> str:
    """A place as a lookup names it."""
    site = place.site
    name = next(short for short, whole in NAMES.items() if whole == site.site)
    parts = [name, *(f"[{each}]" for each in (site.layer, place.position) if each is not None)]
    return "".join(parts)


def _word(written: Written) -> str:
    quoted = written.quoted()
    found = quoted if quoted is not None else written.take(r"[A-Za-z]\w*")
    if found is None:
        raise written.refusal("a word is wanted here, in quotes or not")
    return found


def _token(written: Written) -> str:
    quoted = written.quoted()
    found = quoted if quoted is not None else written.take(r"#\d{1,9}")
    if found is None:
        raise written.refusal('a token is wanted here: a piece in quotes, or as "#12"')
    return found


def _truth(written: Written) -> bool:
    found = written.take(r"(?:True|true|False|false)\b")
    if found is None:
        raise written.refusal("True or False is wanted here")
    return found.lower() == "true"


def _range(written: Written) -> tuple[int, int]:
    if written.take(r"[\[(]") is None:
        raise written.refusal("the first and the last sentence are wanted here, as in (0, 99)")
    first = written.whole("the number of a sentence, 0 for the first,")
    written.take(",")
    last = written.whole("the number of a sentence")
    if written.take(r"[\])]") is None:
        raise written.refusal("the bracket is not closed")
    return first, last


OPTIONS: Final[dict[str, Callable[[Written], object]]] = {
    "k": lambda written: written.whole("how many"),
    "metric": _word,
    "kind": _word,
    "token": _token,
    "right": _truth,
    "sentences": _range,
    "others": _truth,
}
"""What may be named in a lookup, and what reads its value."""


def completions(before: str) -> list[tuple[str, str, int]]:
    """What may stand at the end of a lookup: a text, what it is, and how many characters it replaces."""
    if not is_lookup(before) or before.count("(") > 1 or ")" in before:
        return []
    inner = before.partition("(")[2]
    word = _LAST_WORD.search(inner)
    typed = "" if word is None else word.group()
    if "," not in inner:
        offered = {name: f"neighbours of {site}" for name, site in NAMES.items() if "." not in name}
    else:
        offered = {f"{name}=": meaning for name, meaning in MEANINGS.items() if f"{name}=" not in inner}
    return [(text, meaning, len(typed)) for text, meaning in offered.items() if text.startswith(typed)]


_LAST_WORD: Final = re.compile(r"[A-Za-z_.]*$")
MEANINGS: Final = {
    "k": f"how many, {DEFAULT_K} unless it is said",
    "metric": "l2, cosine or inner-product",
    "kind": "how to search: exact, pynndescent or ivf",
    "token": "only states of this token",
    "right": "only where the model predicted the corpus's token, or only where not",
    "sentences": "only sentences of the index from the first to the last",
    "others": "without training sentences that read as this one",
}
"""What each option of a lookup is for."""
