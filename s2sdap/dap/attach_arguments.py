"""Attach arguments: what a configuration of the kind `attach` may say."""

from typing import Annotated

import msgspec
from msgspec import Meta

from s2sdap.dap.launch import parse_configuration
from s2sdap.debugger.watch_rules import ArmedRule, parse_rule
from s2sdap.protocol.arguments import Arguments


class AttachArguments(Arguments):
    """An attach: when to stop. Which model runs, and how, is the program's own affair."""

    stop_on_entry: Annotated[bool, Meta(description="Stop at the beginning of the first call.")] = True
    watch_rules: Annotated[
        list[str],
        Meta(description="Rules that stop a call, such as `lowConfidence(p < 0.3)`.", max_length=100),
    ] = msgspec.field(default_factory=list)
    index: Annotated[
        str | None,
        Meta(description="Folder or URI of an index of the training states of the program's model."),
    ] = None
    python_debug: Annotated[
        bool,
        Meta(
            description="Debug the program's own Python as well, in a child session: starts debugpy in its "
            "process. Whoever on this machine connects to it can run any code."
        ),
    ] = False
    token: Annotated[str | None, Meta(description="The token in the file that `s2sdap.listen` names.")] = None

    def rules(self) -> list[ArmedRule]:
        """The watch rules, armed."""
        return [parse_rule(written) for written in self.watch_rules]


def parse_attach(raw: bytes) -> tuple[AttachArguments, list[str]]:
    """The attach arguments, and a warning for every field that is none of ours nor an editor's."""
    return parse_configuration(raw, AttachArguments)
