"""Looking inside: the vectors of every layer, gates, and weights."""

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.protocol import custom


@handles(custom.VECTORS, custom.VectorsArguments, When.STOPPED)
async def vectors(adapter: Adapter, arguments: custom.VectorsArguments) -> Reply:
    """The vectors of a site over source tokens or steps."""
    from s2sdap.dap.layer_bodies import vectors_body

    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    return Reply(await adapter.on_model_thread(lambda: vectors_body(frame, arguments)))


@handles(custom.WALK, custom.WalkArguments, When.STOPPED)
async def walk(adapter: Adapter, arguments: custom.WalkArguments) -> Reply:
    """One step in its parts."""
    from s2sdap.dap.layer_bodies import walk_body

    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    return Reply(await adapter.on_model_thread(lambda: walk_body(frame)))


@handles(custom.WEIGHTS, custom.WeightsArguments, When.STOPPED)
async def weights(adapter: Adapter, arguments: custom.WeightsArguments) -> Reply:
    """A page of the model's weights, with what their numbers look like."""
    from s2sdap.dap.layer_bodies import weights_body

    session = adapter.need_session()
    session.need_model("show its weights")
    model = session.model
    return Reply(await adapter.on_model_thread(lambda: weights_body(model, arguments)))


FAMILY = (vectors, walk, weights)
