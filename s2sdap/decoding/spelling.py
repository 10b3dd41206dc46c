"""Settings as a person writes them, each held against what there is, so that a refusal names it."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from s2sdap.decoding.settings import SearchSettings
from s2sdap.vocabulary.errors import S2sdapError


def search_spelt(search: Mapping[str, Any]) -> dict[str, Any]:
    """Search settings as a person writes them, in Python's spelling, each checked by itself.

    Raises `unknown_setting` or `bad_setting`.
    """
    known = {field.encode_name: field for field in msgspec.structs.fields(SearchSettings)}
    spelt: dict[str, Any] = {}
    for name, value in search.items():
        if name not in known:
            raise S2sdapError("unknown_setting", setting=f"search.{name}", nearest=nearest(name, known))
        spelt[known[name].name] = checked(f"search.{name}", value, known[name].type)
    return spelt


def checked(name: str, value: Any, wanted: Any) -> Any:
    """The value of a setting as its type has it. Raises `bad_setting`."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        expected = str(error).removeprefix("Expected ").replace("`", "")
        raise S2sdapError("bad_setting", setting=name, value=value, expected=expected) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?` where a known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
