"""The program as a source: a file the client can open, or a virtual document."""

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import Nothing, Source
from s2sdap.vocabulary.errors import S2sdapError


@handles("source", Source, When.LAUNCHED)
def source(adapter: Adapter, arguments: Source) -> Reply:
    """The text of the inline program, or of a call."""
    asked = arguments.source
    reference = asked.source_reference if asked and asked.source_reference else arguments.source_reference
    program = adapter.inline_program(reference)
    if program is None:
        raise S2sdapError("unknown_source", reference=reference, path=asked.path if asked else None)
    return Reply(bodies.SourceText(content="\n".join(program.lines), mime_type="text/plain"))


@handles("loadedSources", Nothing, When.LAUNCHED, supportsLoadedSourcesRequest=True)
def loaded_sources(adapter: Adapter, arguments: Nothing) -> Reply:
    """The program, the one source there is; of a process the calls, the last one first."""
    return Reply(bodies.LoadedSources(sources=adapter.source_bodies()))


FAMILY = (source, loaded_sources)
