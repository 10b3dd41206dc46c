"""Generation settings by their transformers names: are there such, and where does each come from?"""

import difflib
from collections.abc import Mapping
from typing import Any, Final

from transformers import GenerationConfig

from s2sdap.decoding.plan import SettingShown
from s2sdap.vocabulary.errors import S2sdapError

_NOT_OURS: Final = frozenset(
    {"transformers_version", "compile_config", "disable_compile", "continuous_batching_config"}
)
"""Names that say nothing of the decode, or that only a running process can give."""


_KINDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_MIXED: Final = frozenset({"early_stopping", "num_assistant_tokens", "min_length", "max_length"})
"""Settings whose values are not all of one kind, or that may be set to nothing."""


def known_settings() -> tuple[str, ...]:
    """Every setting that a launch may name."""
    names = (name for name in vars(_plain()) if not name.startswith("_"))
    return tuple(sorted(name for name in names if name not in _NOT_OURS))


def _plain() -> GenerationConfig:
    return GenerationConfig()  # type: ignore[no-untyped-call]


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, if transformers knows them all. Raises `unknown_setting` with the nearest name."""
    known = known_settings()
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise S2sdapError("unknown_setting", setting=f"generation.{name}", nearest=hint)
    defaults = _defaults()
    for name, value in given.items():
        expected = _KINDS.get(type(defaults.get(name)))
        if expected is not None and name not in _MIXED and not _fits(value, type(defaults[name])):
            raise S2sdapError("bad_setting", setting=f"generation.{name}", value=value, expected=expected)
    return dict(given)


def _fits(value: Any, kind: type) -> bool:
    """Whether a value is of the kind of the default; a whole number is also a fraction, a truth is none."""
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _defaults() -> dict[str, Any]:
    """What transformers takes where nobody says anything."""
    defaults: dict[str, Any] = getattr(GenerationConfig, "_get_default_generation_params", dict)()
    return {"max_new_tokens": 1, "min_new_tokens": 1, **defaults}


def shown(
    model: Any, config: GenerationConfig | None, given: Mapping[str, Any], prefix: tuple[int, ...], by: str
) -> tuple[SettingShown, ...]:
    """Every setting that has a value, and whether `by`, the model's folder or transformers gave it."""
    plain = vars(_plain())
    own = vars(model.generation_config)
    passed = {} if config is None else vars(config)
    defaults: dict[str, Any] = getattr(GenerationConfig, "_get_default_generation_params", dict)()
    out: list[SettingShown] = []
    for name in known_settings():
        if name in given:
            out.append(SettingShown(name, given[name], by))
        elif passed.get(name) is not None and passed.get(name) != own.get(name):
            out.append(SettingShown(name, passed[name], f"generation_config of the {by}"))
        elif own.get(name) is not None and own.get(name) != plain.get(name):
            out.append(SettingShown(name, own[name], "generation_config.json"))
        elif defaults.get(name) is not None:
            out.append(SettingShown(name, defaults[name], "transformers"))
    if prefix:
        out.append(SettingShown("prefix", list(prefix), by))
    return tuple(out)
