"""`s2sdap.toml`: which files are source sentences, with which model they are read, and how they are decoded.

    files = ["*.src", "corpus/*.tsv"]
    model = "dates"
    watchRules = ["lowConfidence(p < 0.5)"]

    [search]
    beamSize = 4

An editor may give the same settings when it starts the server; what the file says comes first. It cannot
let a model's own code run (`trustRemoteCode`): a folder that is opened must not decide that.
"""

import fnmatch
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from s2sdap.debugger.watch_rules import ArmedRule, parse_rule
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.spelling import checked, nearest, search_spelt
from s2sdap.models import DEFAULT_MODEL, HUGGING_FACE
from s2sdap.vocabulary.errors import S2sdapError

FILE_NAME: Final = "s2sdap.toml"


class Ignored(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A finding that a person has looked at and lets be: what was found, in which sentence."""

    rule: Annotated[str, Meta(description="The code of the finding, such as `lowConfidence`.")]
    source: Annotated[str, Meta(description="The sentence, as it stands in its file.")]


class Configuration(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What `s2sdap.toml` says."""

    files: Annotated[
        tuple[str, ...],
        Meta(description="Patterns of the files that hold source sentences, from the folder of this file."),
    ] = ()
    model: Annotated[
        str, Meta(description="A bundled model, the folder of a checkpoint, or `hf:` and a folder or hub id.")
    ] = DEFAULT_MODEL
    device: Annotated[str, Meta(description="Where the model runs: `cpu`, `cuda:0` ...")] = "cpu"
    dtype: Annotated[
        str | None, Meta(description="Type of the weights: `float32`, `bfloat16` ..., or `auto`.")
    ] = None
    revision: Annotated[
        str | None, Meta(description="Branch, tag or commit of a Hugging Face model on the hub.")
    ] = None
    threads: Annotated[int, Meta(ge=1, le=1024, description="Threads of torch; more is often slower.")] = 1
    index: Annotated[
        str | None,
        Meta(description="An index of the model's training states, for frequencies and neighbours."),
    ] = None
    background: Annotated[
        bool, Meta(description="Decode the sentences on show, a moment after they were typed or scrolled to.")
    ] = True
    report: Annotated[
        str | None,
        Meta(description="A report of `s2sdap run --report`, whose outputs and findings are shown."),
    ] = None
    watch_rules: Annotated[
        tuple[str, ...], Meta(description="Rules whose findings are shown: `lowConfidence(p < 0.3)` ...")
    ] = ()
    search: Annotated[dict[str, Any], Meta(description="How to search, as in a launch.")] = msgspec.field(
        default_factory=dict
    )
    generation: Annotated[
        dict[str, Any], Meta(description="Settings of a Hugging Face model's `generate`, by their own names.")
    ] = msgspec.field(default_factory=dict)
    references: Annotated[
        dict[str, str],
        Meta(description="The file of references of a file of sentences, line by line, by its path."),
    ] = msgspec.field(default_factory=dict)
    ignore: Annotated[
        tuple[Ignored, ...], Meta(description="Findings that are not shown; a quick fix adds them.")
    ] = ()


FIELDS: Final = {field.encode_name: field for field in msgspec.structs.fields(Configuration)}
SEARCH: Final = {field.encode_name: field for field in msgspec.structs.fields(SearchSettings)}


@dataclass(frozen=True, slots=True)
class Project:
    """A configuration with the folder that its paths are meant from, and what is derived from both.

    `trusted` says that the client lets Python code beside a model's weights run.
    """

    configuration: Configuration
    folder: Path
    trusted: bool = False

    @property
    def decoding(self) -> "Project":
        """What of it has a part in decoding, so that two can be compared in that."""
        shown: dict[str, Any] = {
            "files": (),
            "ignore": (),
            "report": None,
            "references": {},
            "background": True,
        }
        return replace(self, configuration=msgspec.structs.replace(self.configuration, **shown))

    @property
    def loading(self) -> tuple[object, ...]:
        """What decides which model is loaded, and how."""
        given = self.configuration
        return (self.model, given.device, given.dtype, given.revision, self.trusted)

    @property
    def rules(self) -> tuple[ArmedRule, ...]:
        """The watch rules, armed; one that cannot be read is told of where the file is edited."""
        return tuple(armed for written in self.configuration.watch_rules if (armed := _armed(written)))

    @property
    def search(self) -> dict[str, Any]:
        """The search settings in Python's spelling, without those that are wrong."""
        spelt: dict[str, Any] = {}
        for name, value in self.configuration.search.items():
            try:
                spelt |= search_spelt({name: value})
            except S2sdapError:
                continue
        if self.configuration.model.startswith(HUGGING_FACE):
            return spelt
        try:
            SearchSettings(**spelt)
        except S2sdapError:  # they clash
            return {}
        return spelt

    @property
    def index(self) -> str | None:
        """The index, from the folder of the configuration; a URI stays what it is."""
        named = self.configuration.index
        return named if named is None or "://" in named else self.path(named)

    @property
    def model(self) -> str:
        """The model as `load_model` takes it: a folder is meant from that of the configuration."""
        spec = self.configuration.model
        scheme, rest = (
            (HUGGING_FACE, spec.removeprefix(HUGGING_FACE)) if spec.startswith(HUGGING_FACE) else ("", spec)
        )
        written_as_path = rest.startswith((".", "~"))
        return scheme + self.path(rest) if written_as_path or (self.folder / rest).is_dir() else spec

    def path(self, name: str) -> str:
        """A path of the configuration."""
        return str(self.folder / Path(name).expanduser())

    def reads(self, path: Path) -> bool:
        """Whether a file is one of `files`."""
        return any(_matches(self.relative(path), pattern) for pattern in self.configuration.files)

    def reference_of(self, path: Path) -> str | None:
        """The file of references of a file of sentences, `None` where none is named."""
        named = self.configuration.references.get(self.relative(path))
        return None if named is None else self.path(named)

    def relative(self, path: Path) -> str:
        """A path as the configuration writes it: with slashes, from its folder where it is below it."""
        try:
            return path.relative_to(self.folder).as_posix()
        except ValueError:
            return path.as_posix()


def read_configuration(given: dict[str, Any]) -> tuple[Configuration, list[S2sdapError]]:
    """A configuration from plain data, without the fields that are wrong, and what is wrong with those.

    The errors are `unknown_setting` and `bad_setting`.
    """
    kept: dict[str, Any] = {}
    wrong: list[S2sdapError] = []
    for name, value in given.items():
        if name not in FIELDS:
            wrong.append(S2sdapError("unknown_setting", setting=name, nearest=nearest(name, FIELDS)))
            continue
        try:
            checked(name, value, FIELDS[name].type)
        except S2sdapError as error:
            wrong.append(error)
        else:
            kept[name] = value
    return msgspec.convert(kept, Configuration), wrong


def configuration_schema() -> dict[str, Any]:
    """The JSON schema of `s2sdap.toml`, for editors that check TOML by one."""
    schema = msgspec.json.schema(Configuration)
    definitions: dict[str, Any] = schema["$defs"]
    search = msgspec.json.schema(SearchSettings)["$defs"]["SearchSettings"]
    whole: dict[str, Any] = definitions.pop("Configuration")
    whole["properties"]["search"] = {
        **search,
        "description": FIELDS["search"].type.__metadata__[0].description,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": FILE_NAME,
        "$defs": definitions,
    }


def _matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern; one without a slash is about the name alone."""
    if "/" not in pattern:
        path = path.rsplit("/", 1)[-1]
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, pattern.replace("**/", ""))


def _armed(written: str) -> ArmedRule | None:
    try:
        return parse_rule(written)
    except S2sdapError:
        return None
