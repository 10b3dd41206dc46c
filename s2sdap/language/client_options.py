"""What a client says of itself and its settings when it starts the server, in `initializationOptions`."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from s2sdap.language.configuration import Configuration, read_configuration

SOURCES = "s2sdap"
"""The language of a file of source sentences: who opens one under it wants it read."""
CONDITION = "s2sdap-condition"
"""The language of a document that is one condition."""


class ClientOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The options; unknown ones are let be.

    `configuration` holds what `s2sdap.toml` may say, for folders that have none.
    """

    configuration: dict[str, Any] = msgspec.field(default_factory=dict)
    client_commands: Annotated[
        tuple[str, ...], Meta(description="Commands of the server's that the client carries out itself.")
    ] = ()
    trust_remote_code: bool = False
    docs: Annotated[str | None, Meta(description="URI of the folder that codes link to.")] = None
    debounce: Annotated[
        float,
        Meta(ge=0, le=10, description="Seconds that a file has to be left alone before it is worked on."),
    ] = 0.2
    patience: Annotated[
        float,
        Meta(ge=0, le=600, description="Seconds that a hover waits for what the model has to say."),
    ] = 0.25

    @property
    def settings(self) -> Configuration:
        """The configuration, without what is wrong in it."""
        return read_configuration(self.configuration)[0]


def client_options(given: Any) -> ClientOptions:
    """The options, or the default ones where they cannot be read."""
    try:
        return msgspec.convert(given or {}, ClientOptions, from_attributes=True)
    except msgspec.ValidationError:
        return ClientOptions()
