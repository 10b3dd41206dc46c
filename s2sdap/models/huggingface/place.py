"""Where a Hugging Face model is: a folder, or an id of the hub whose files are here or can be fetched.

A folder never touches the network. For an id the hub is asked once, with a short timeout; where it gives no
answer, or `HF_HUB_OFFLINE` is set, the files that were fetched before are used, and none is waited for.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, is_offline_mode
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.vocabulary.errors import S2sdapError

CONFIG_FILE: Final = "config.json"
HUB_TIMEOUT: Final = 5.0
"""Seconds to wait for the hub's first answer."""
_MAX_CONFIG_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A model that is there: its folder or id, what its `config.json` says, and how its files are fetched."""

    where: str
    config: dict[str, Any]
    revision: str | None
    local: bool

    @property
    def arguments(self) -> dict[str, Any]:
        """What every `from_pretrained` of this model is given."""
        return {"revision": self.revision or "main", "local_files_only": self.local}

    @property
    def name(self) -> str:
        """The last part of the folder or the id."""
        return Path(self.where).name or self.where


def find(spec: str, revision: str | None) -> Place:
    """The model that a person names, by its folder or by its id on the hub.

    Raises:
        S2sdapError: `not_a_model`, `hub_unreachable`, `hub_refused`.
    """
    try:
        folder = Path(spec).expanduser()
        if folder.is_dir():
            return _in_folder(folder.resolve(), revision)
        there = folder.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise S2sdapError("not_a_model", path=spec, reason=reason_of(error)) from None
    if there:
        raise S2sdapError("not_a_model", path=spec, reason="it is a file; give the folder that it is in")
    if spec.startswith((".", "~", "/", os.sep)) or spec.count("/") > 1:  # written as a path
        raise S2sdapError("not_a_model", path=spec, reason="there is no such folder")
    return _on_hub(spec, revision)


def _in_folder(folder: Path, revision: str | None) -> Place:
    if revision is not None:
        raise S2sdapError("option_unused", option="revision", model=f"the folder {folder}")
    if not (folder / CONFIG_FILE).is_file():
        adapter = (folder / "adapter_config.json").is_file()
        reason = "it is an adapter: merge it into its model first" if adapter else "it has no config.json"
        raise S2sdapError("not_a_model", path=folder, reason=reason)
    return Place(str(folder), _config(folder / CONFIG_FILE, folder), None, local=True)


def _on_hub(model: str, revision: str | None) -> Place:
    try:
        url = hf_hub_url(model, CONFIG_FILE, revision=revision)
    except HFValidationError:
        reason = "there is no such folder, and it is no id of the hub"
        raise S2sdapError("not_a_model", path=model, reason=reason) from None
    silence = "HF_HUB_OFFLINE is set" if is_offline_mode() else _hub_silence(model, url)
    try:
        file = hf_hub_download(model, CONFIG_FILE, revision=revision, local_files_only=silence is not None)
    except Exception as error:
        raise S2sdapError("hub_unreachable", model=model, reason=silence or reason_of(error)) from None
    return Place(model, _config(Path(file), model), revision, local=silence is not None)


def _hub_silence(model: str, url: str) -> str | None:
    """Why the hub gives no answer about `model`, or `None` where it has it. Raises where it answers no."""
    try:
        get_hf_file_metadata(url, timeout=HUB_TIMEOUT)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise S2sdapError("hub_refused", model=model, reason=reason_of(error)) from None
    except EntryNotFoundError:
        raise S2sdapError("not_a_model", path=model, reason="it has no config.json") from None
    except Exception as error:  # each layer of the network has errors of its own
        return reason_of(error)
    return None


def _config(file: Path, where: object) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_CONFIG_BYTES + 1)
        config = json.loads(data) if len(data) <= _MAX_CONFIG_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise S2sdapError("not_a_model", path=where, reason=f"its config.json: {reason_of(error)}") from None
    if not isinstance(config, dict):
        raise S2sdapError(
            "not_a_model", path=where, reason="its config.json is no JSON object of a usual size"
        )
    return config
