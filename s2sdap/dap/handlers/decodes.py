"""What a view of a whole decode needs, and what a person chooses from before there is one."""

from importlib.metadata import version

from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.dispatch import Answer, Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.dap.stopped import stopped_body
from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.loading import bundled_models, schemes
from s2sdap.protocol import custom
from s2sdap.protocol.arguments import Nothing

SENTENCES = 500
"""Sentences that one answer carries at most."""


@handles(custom.MODELS, Nothing, When.INITIALIZED)
def models(adapter: Adapter, arguments: Nothing) -> Reply:
    """What a launch may name as its model."""
    return Reply(
        custom.ModelsBody(
            bundled=list(bundled_models()),
            default=DEFAULT_MODEL,
            schemes=list(schemes()),
            version=version("s2sdap"),
        )
    )


@handles(custom.STATE, Nothing, When.INITIALIZED)
def state(adapter: Adapter, arguments: Nothing) -> Reply:
    """Where the session stands, for who comes to it later."""
    launched, stop = adapter.program is not None, adapter.stop
    return Reply(
        custom.StateBody(
            phase=adapter.state.value,
            launch=adapter.launch.told() if launched else {},
            results=0 if adapter.session is None else len(adapter.session.results),
            stopped=stopped_body(stop) if stop is not None and adapter.state is State.STOPPED else None,
            source=adapter.source_body() if launched else None,
            model=None if adapter.session is None else adapter.session.model.name,
        )
    )


@handles(custom.SENTENCES, custom.SentencesArguments, When.LAUNCHED)
def sentences(adapter: Adapter, arguments: custom.SentencesArguments) -> Reply:
    """A page of the program, with what has become of each sentence."""
    every = adapter.need_program().sentences
    count = min(arguments.count or SENTENCES, SENTENCES)
    done = {} if adapter.session is None else adapter.session.results
    shown = []
    for each in every[arguments.start : arguments.start + count]:
        result = done.get(each.index)
        shown.append(
            custom.SentenceBody(
                sentence=each.index,
                line=each.line,
                text=each.text,
                reference=each.reference,
                output=None if result is None or result.error else result.text,
                error=str(result.error) if result is not None and result.error else None,
            )
        )
    return Reply(custom.SentencesBody(sentences=shown, total=len(every)))


@handles(custom.DECODE, custom.DecodeArguments, When.STOPPED)
def decode(adapter: Adapter, arguments: custom.DecodeArguments) -> Answer:
    """A hypothesis, its attention, and the likeliest tokens of each step that are at hand."""
    from s2sdap.dap.decode_bodies import at_hand, decode_body

    frame, session = frame_at(adapter, arguments.frame_id, arguments.thread_id), adapter.need_session()
    if at_hand(frame, arguments):
        return Reply(decode_body(session, frame, arguments))

    async def later() -> Reply:
        return Reply(await adapter.on_model_thread(lambda: decode_body(session, frame, arguments)))

    return later()


@handles(custom.COLUMNS, custom.ColumnsArguments, When.STOPPED)
async def columns(adapter: Adapter, arguments: custom.ColumnsArguments) -> Reply:
    """The likeliest tokens of some steps, also of those that must be run again."""
    from s2sdap.dap.decode_bodies import columns_body

    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    return Reply(await adapter.on_model_thread(lambda: columns_body(frame, arguments)))


FAMILY = (models, state, sentences, decode, columns)
