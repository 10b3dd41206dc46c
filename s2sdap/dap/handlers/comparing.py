"""Comparing: two decodes side by side, and where a reference went. Neither changes the session."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.turns import in_turns
from s2sdap.decoding.spelling import search_spelt
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.comparing.sides import Found, Side
    from s2sdap.models.contract import Described

ROWS = 500
"""Rows that one answer carries at most."""


@handles(custom.COMPARE, custom.CompareArguments, When.STOPPED)
async def compare(adapter: Adapter, arguments: custom.CompareArguments) -> Reply:
    """Two sides aligned, with a page of their rows."""
    from s2sdap.dap.comparison_bodies import comparison_body
    from s2sdap.debugger.comparing.comparison import compare as aligned
    from s2sdap.debugger.comparing.sides import finish

    left, right = await found_sides(adapter, arguments.left, arguments.right)
    start = max(0, arguments.start)
    count = min(arguments.count, ROWS) if arguments.count > 0 else ROWS

    def work() -> Generator[int, None, custom.CompareBody]:
        first = yield from finish(left)
        second = yield from finish(right)
        both = yield from aligned(first, second)
        rows = yield from both.rows(start, count)
        return comparison_body(both, rows, both.parting)

    return Reply(await in_turns(adapter, work(), f"Comparing {left.label} with {right.label}"))


@handles(custom.REFERENCE, custom.ReferenceArguments, When.STOPPED)
async def reference(adapter: Adapter, arguments: custom.ReferenceArguments) -> Reply:
    """The step at which the reference left the beam, or what else became of it."""
    from s2sdap.dap.comparison_bodies import reference_body
    from s2sdap.debugger.comparing.sides import seek

    text = True if arguments.reference is None else arguments.reference
    side = custom.SideArguments(branch=arguments.branch, sentence=arguments.sentence, reference=text)
    (found,) = await found_sides(adapter, side)

    def work() -> Generator[int, None, custom.ReferenceBody]:
        sought = yield from seek(found)
        return reference_body(sought)

    return Reply(await in_turns(adapter, work(), f"Looking for the {found.label}"))


async def found_sides(adapter: Adapter, *wanted: custom.SideArguments) -> "list[Found]":
    """The sides as they stand now, with the checkpoints that they name."""
    from s2sdap.debugger.comparing.sides import find

    session = adapter.need_session()
    sides = [_side(each) for each in wanted]
    models = [None if session.of_call else await _model(adapter, each) for each in wanted]
    if adapter.session is not session:
        raise S2sdapError("ended")
    return await adapter.on_model_thread(
        lambda: [find(session, side, model) for side, model in zip(sides, models, strict=True)]
    )


async def _model(adapter: Adapter, wanted: custom.SideArguments) -> "Described | None":
    """The checkpoint that a side names; loading one is told about."""
    from s2sdap.debugger.comparing.checkpoints import Checkpoint

    if wanted.model is None:
        return None
    device = str(adapter.need_session().model.device)
    checkpoint = Checkpoint(wanted.model, device, wanted.dtype, wanted.revision, wanted.trust_remote_code)
    if checkpoint in adapter.checkpoints:
        return adapter.checkpoints[checkpoint]
    progress = adapter.progress.begin(f"Loading {wanted.model}")
    try:
        return await adapter.on_model_thread(lambda: adapter.checkpoints[checkpoint])
    finally:
        adapter.progress.end(progress)


def _side(wanted: custom.SideArguments) -> "Side":
    from s2sdap.debugger.comparing.sides import Side

    return Side(
        branch=wanted.branch,
        sentence=wanted.sentence,
        hypothesis=wanted.hypothesis,
        model=wanted.model,
        search=search_spelt(wanted.search),
        generation=wanted.generation,
        reference=wanted.reference,
    )


FAMILY = (compare, reference)
