"""Launch arguments: what a configuration may say, checked, with a JSON schema for editors."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from s2sdap.debugger.watch_rules import ArmedRule, parse_rule
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.spelling import checked, nearest, search_spelt
from s2sdap.models import DEFAULT_MODEL, HUGGING_FACE
from s2sdap.protocol.arguments import Arguments
from s2sdap.vocabulary.errors import S2sdapError

C = TypeVar("C", bound=Arguments)

_EDITORS_OWN = frozenset(
    """
    type name request preLaunchTask postDebugTask internalConsoleOptions debugServer presentation cwd
    serverReadyAction suppressMultipleSessionWarning linux windows osx connect tokenFile python env adapterID
    """.split()  # noqa: SIM905 - one word a name reads better than a list of strings
)
"""What editors put into a launch configuration for themselves."""


class LaunchArguments(Arguments):
    """A launch: what to decode, with which model, how to search and when to stop."""

    program: Annotated[str | None, Meta(description="A UTF-8 text file of source sentences, one a line.")] = (
        None
    )
    source: Annotated[str | None, Meta(description="Source text in place of a program.")] = None
    reference: Annotated[
        str | None, Meta(description="A file of references in step with `program`; text with `source`.")
    ] = None
    session: Annotated[
        str | None,
        Meta(
            description="A session file in place of all that: looked at and stepped through, without a model."
        ),
    ] = None
    model: Annotated[
        str,
        Meta(
            description="A bundled model's name, the folder of a checkpoint, `hf:` and the folder or hub id "
            "of a Hugging Face model, `opennmt:` and a checkpoint file of OpenNMT-py, or `keras:` and a "
            "file that Keras saved."
        ),
    ] = DEFAULT_MODEL
    search: Annotated[
        dict[str, Any], Meta(description="How to search; every setting has the default of greedy search.")
    ] = msgspec.field(default_factory=dict)
    generation: Annotated[
        dict[str, Any],
        Meta(description="Settings of a Hugging Face model's `generate`, by their GenerationConfig names."),
    ] = msgspec.field(default_factory=dict)
    start_line: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Begin at this line, from 1; the sentences before it are passed over."),
    ] = None
    stop_on_entry: Annotated[bool, Meta(description="Stop when the first sentence has been read.")] = True
    watch_rules: Annotated[
        list[str],
        Meta(description="Rules that stop the run, such as `lowConfidence(p < 0.3)`.", max_length=100),
    ] = msgspec.field(default_factory=list)
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=2**63 - 1)] | None, Meta(description="Seed of the draws when sampling.")
    ] = None
    threads: Annotated[int, Meta(ge=1, le=1024, description="Threads of torch; more is often slower.")] = 1
    device: Annotated[str, Meta(description="Where the model runs: `cpu`, `cuda:0` ...")] = "cpu"
    dtype: Annotated[
        str | None, Meta(description="Type of the weights: `float32`, `bfloat16` ..., or `auto`.")
    ] = None
    revision: Annotated[
        str | None, Meta(description="Branch, tag or commit of a Hugging Face model on the hub.")
    ] = None
    index: Annotated[
        str | None,
        Meta(
            description="Folder or URI of an index of the model's training states, as `s2sdap index build` "
            "writes it; the bundled date model has one without."
        ),
    ] = None
    trust_remote_code: Annotated[
        bool, Meta(description="Let Python code that lies beside a Hugging Face model's weights run.")
    ] = False
    python_debug: Annotated[
        bool,
        Meta(
            description="Debug the model's own Python as well, in a child session: starts debugpy in the "
            "adapter's process. Whoever on this machine connects to it can run any code."
        ),
    ] = False
    memory_budget: Annotated[
        int, Meta(ge=2**20, description="Bytes of records that the session keeps; more are run again.")
    ] = 2**28
    no_debug: Annotated[bool, Meta(description="Run to the end without any stop.")] = False
    token: Annotated[str | None, Meta(description="The server's token, where the connection is TCP.")] = None

    def search_given(self) -> dict[str, Any]:
        """The search settings that are given, in Python's spelling, each checked by itself.

        Raises `bad_setting`, `unknown_setting` or `settings_clash`.
        """
        search = dict(self.search)
        if self.seed is not None:
            if search.get("seed", self.seed) != self.seed:
                raise S2sdapError("settings_clash", reason="`seed` and `search.seed` differ")
            search["seed"] = self.seed
        spelt = search_spelt(search)
        if not self.model.startswith(HUGGING_FACE):  # others mean by these names what they mean
            SearchSettings(**spelt)
        return spelt

    def check_recording(self) -> None:
        """Refuse what a recording has of its own. Raises `session_and_more`."""
        own = ("program", "source", "reference", "search", "generation", "seed", "dtype", "revision")
        given = [name for name in own if getattr(self, name) not in (None, {})]
        if self.session is not None and (given or self.model != DEFAULT_MODEL):
            raise S2sdapError("session_and_more", path=self.session, other=f"`{(given or ['model'])[0]}`")

    def told(self) -> dict[str, Any]:
        """The arguments that are not their default, as a launch writes them, without the token."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if name != "token"}

    def origin(self) -> dict[str, Any]:
        """Where the model comes from, in the words of `load_model`."""
        names = ("model", "device", "dtype", "revision")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def same_model(self, other: "LaunchArguments") -> bool:
        """Whether `other` loads the very same model."""
        names = ("model", "device", "dtype", "revision", "trust_remote_code")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def rules(self) -> list[ArmedRule]:
        """The watch rules, armed."""
        return [parse_rule(written) for written in self.watch_rules]


def parse_launch(raw: bytes) -> tuple[LaunchArguments, list[str]]:
    """The launch arguments, and a warning for every field that is none of ours nor an editor's."""
    return parse_configuration(raw, LaunchArguments)


def parse_configuration(raw: bytes, kind: type[C]) -> tuple[C, list[str]]:
    """The arguments of a configuration of this kind, and a warning for every field that is unknown."""
    given: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any]) if raw != b"null" else {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    warnings = []
    for name, value in given.items():
        if name in fields:
            checked(name, value, fields[name].type)
        elif name not in _EDITORS_OWN and not name.startswith("__"):
            warnings.append(str(S2sdapError("unknown_setting", setting=name, nearest=nearest(name, fields))))
    return msgspec.convert(given, kind), warnings


class _Token(msgspec.Struct):
    """The one field of a launch that is read before its sender may be told anything."""

    token: str | None = None


def token_of(raw: bytes) -> str | None:
    """The token in launch arguments, `None` where there is none or it is no string."""
    try:
        return msgspec.json.decode(raw, type=_Token).token
    except msgspec.DecodeError:
        return None


def launch_schema() -> dict[str, Any]:
    """The JSON schema of a launch, the search settings included, for an editor's completion."""
    schema = _flat(msgspec.json.schema(LaunchArguments))
    search = _flat(msgspec.json.schema(SearchSettings))
    schema["properties"]["search"] = {
        **search,
        "default": {},
        "description": schema["properties"]["search"]["description"],
    }
    schema["title"] = "Launch arguments"
    return schema


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Msgspec names the type in `$defs` and refers to it; an editor wants it in place."""
    name = schema["$ref"].rsplit("/", 1)[1]
    inner: dict[str, Any] = schema["$defs"][name]
    inner.pop("description", None)
    return inner
