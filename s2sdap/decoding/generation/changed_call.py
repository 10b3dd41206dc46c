"""Generation settings that a person changed while a sentence decodes.

`generate` prepares the call again with them, so processors, criteria and limits are transformers' own;
the run goes on with those from the step of the edit on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from transformers.generation.logits_process import PrefixConstrainedLogitsProcessor

from s2sdap.decoding.edits import Edit, SettingEdit
from s2sdap.decoding.generation.config import checked
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.settings import SAME_MEANING
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import Snapshot
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class ChangedCall:
    """The call as it would have been prepared with the settings that a person changed, `given`."""

    prepared: Prepared
    given: Mapping[str, Any]


_BEGUN: Final = "the decode has begun with it as it is"
_FIXED: Final = {
    "prefix": "every output begins with it",
    "seed": "it was set before the decode began",
    "max_source_length": "the source has been read",
    **dict.fromkeys(
        (
            "use_cache",
            "cache_implementation",
            "cache_config",
            "prefill_chunk_size",
            "token_healing",
            "bos_token_id",
            "pad_token_id",
            "decoder_start_token_id",
        ),
        _BEGUN,
    ),
    **dict.fromkeys(
        (
            "return_dict_in_generate",
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "output_logits",
        ),
        "what the caller gets has been agreed on",
    ),
}
"""Settings that cannot change once the decode has begun, and why."""
_INSTEAD: Final = {"max_length": "max_new_tokens", "min_length": "min_new_tokens"}
"""Settings that transformers passes over where the other one is given."""


def changes_in(edits: Sequence[Edit], step: int) -> dict[str, Any]:
    """The settings that the edits of a step change, under transformers' names. Refuses what is fixed."""
    changes: dict[str, Any] = {}
    for edit in edits:
        if not isinstance(edit, SettingEdit):
            continue
        ours = "".join(f"_{each.lower()}" if each.isupper() else each for each in edit.name)
        reason = _FIXED.get(edit.name) or _FIXED.get(ours)
        if reason is not None:
            raise S2sdapError("setting_fixed", setting=edit.name, step=step, reason=reason)
        # Of the two meanings of `max_length`, transformers' own name has transformers' own.
        theirs = edit.name if edit.name in _INSTEAD else SAME_MEANING.get(ours, edit.name)
        value = _listed(edit.value)
        if changes.setdefault(theirs, value) != value:
            raise S2sdapError(
                "settings_clash", reason=f"`{edit.name}` and `{theirs}` are the same and differ"
            )
    if not changes:
        return changes
    changes = checked(changes)
    for name, instead in _INSTEAD.items():
        if name in changes:
            changes.setdefault(instead, None)
    return changes


def check_changeable(was: Prepared, now: Prepared, before: Snapshot, *, searching: bool) -> None:
    """Refuse changes that a run cannot take on once it has begun."""

    def fixed(setting: str, reason: str) -> S2sdapError:
        return S2sdapError("setting_fixed", setting=setting, step=before.step, reason=reason)

    if not searching and was.config.num_return_sequences != now.config.num_return_sequences:
        raise fixed("num_return_sequences", "one draw was begun for each")
    counted = any(isinstance(each, PrefixConstrainedLogitsProcessor) for each in now.processors)
    if was.config.num_beams != now.config.num_beams and before.step and counted:
        raise fixed("num_beams", "`prefix_allowed_tokens_fn` counts the beams as they were")
    kind = was.config.cache_implementation
    if kind and was.config.max_length != now.config.max_length:
        raise fixed("max_length", f"the {kind} cache was made for the length as it is")


def shown_with(shown: Sequence[SettingShown], changed: ChangedCall | None) -> tuple[SettingShown, ...]:
    """The settings on show, with those that a person changed."""
    if changed is None:
        return tuple(shown)
    edited = {
        name: SettingShown(name, value, "edit") for name, value in changed.given.items() if value is not None
    }
    kept = [each for each in shown if each.name not in changed.given]
    return tuple(sorted((*kept, *edited.values()), key=lambda each: each.name))


def _listed(value: Any) -> Any:
    """Lists for the tuples that an edit holds them as."""
    return [_listed(each) for each in value] if isinstance(value, tuple | list) else value
