"""Lowering: frames, scopes and descriptions of the debugger as bodies of the protocol."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.handles import Container
from s2sdap.debugger.descriptions import Children, Description, Scope
from s2sdap.debugger.editing.places import HypothesisPlace, RowPlace, TokenPlace, WeightPlace
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.memory import Memory
from s2sdap.protocol import bodies
from s2sdap.vocabulary.positions import utf16_column

VSCODE: Final = ("vscode", "code-oss", "vscodium", "cursor", "windsurf", "positron")
"""What VS Code, and editors made from it, call themselves."""
PAGE: Final = 1000
"""Children that one `variables` request gives at most."""


def frame_body(adapter: Adapter, frame: Frame) -> bodies.FrameBody:
    """A frame on the call stack, at the source token that was most attended."""
    line = frame.sentence.line + frame.before.sentence  # of a batch, every row has its line
    body = bodies.FrameBody(
        id=adapter.frames.add(frame),
        name=frame_name(frame),
        line=adapter.counting.line(line),
        column=adapter.counting.column(0),
        source=adapter.source_body(),
    )
    span = frame.span()
    if span is not None:
        text = frame.source.text
        body.column = adapter.counting.column(utf16_column(text, span.start))
        body.end_line = body.line
        body.end_column = adapter.counting.column(utf16_column(text, span.end))
    return body


def frame_name(frame: Frame) -> str:
    """What a person reads on the call stack."""
    part = "" if frame.part is None else f" · {frame.part}"
    if frame.record is None:
        return f"encoder · {len(frame.source.tokens)} tokens{part}"
    if frame.chosen is None:
        return f"step {frame.step} · {frame.stage}{part}"
    return f"step {frame.step} · {frame.piece(frame.chosen.token)!r} p={math.exp(frame.chosen.logprob):.3f}"


def scope_body(adapter: Adapter, frame: Frame, scope: Scope, *, first: bool) -> bodies.ScopeBody:
    """A scope; its variables are made when they are asked for."""

    def children() -> Children:
        items = scope.items()
        return Children(len(items), lambda start, count: items[start : start + count], indexed=False)

    return bodies.ScopeBody(
        name=scope.name,
        variables_reference=adapter.containers.add(
            Container(cache(children) if scope.slow else children, frame, scope.slow)
        ),
        expensive=scope.expensive,
        presentation_hint="locals" if first else None,
    )


def variable_body(adapter: Adapter, frame: Frame | None, item: Description) -> bodies.VariableBody:
    """A description as a variable."""
    reference, named, indexed = children_reference(adapter, frame, item)
    hint = None
    if item.edit is None:
        hint = bodies.PresentationHint(attributes=["readOnly"])
    return bodies.VariableBody(
        name=item.name,
        value=item.value,
        variables_reference=reference,
        type=(item.type or None) if adapter.client.supports_variable_type else None,
        evaluate_name=item.expression,
        named_variables=named,
        indexed_variables=indexed,
        presentation_hint=hint,
        declaration_location_reference=location_reference(adapter, item),
        memory_reference=memory_reference(adapter, frame, item),
        menu=menu_of(item) if adapter.client.client_id in VSCODE else None,
    )


def memory_reference(adapter: Adapter, frame: Frame | None, item: Description) -> str | None:
    """A reference to the bytes of a tensor, which `readMemory` reads."""
    if item.memory is None:
        return None
    return str(adapter.memories.add(Memory(item.memory, frame, item.edit)))


def menu_of(item: Description) -> str | None:
    """What kind of thing a variable is, for the menus of the extension; `None` for what has none."""
    if item.type == "candidate":
        return "candidate"
    if item.type.startswith("token #"):
        return "likely"
    match item.edit:
        case TokenPlace():
            return "token"
        case RowPlace():
            return "row"
        case WeightPlace():
            return "weight"
        case HypothesisPlace():
            return "hypothesis"
    return "tensor" if item.memory is not None else None


def location_reference(adapter: Adapter, item: Description) -> int | None:
    """A reference to where an item stands in a file, which `locations` answers."""
    return None if item.location is None else adapter.locations.add(item.location)


def children_reference(
    adapter: Adapter, frame: Frame | None, item: Description
) -> tuple[int, int | None, int | None]:
    """A reference to an item's parts with their numbers by kind; 0 where it has none."""
    if item.later is not None:
        return adapter.containers.add(Container(cache(item.later), frame, slow=True)), None, None
    children = item.children
    if children is None or children.count == 0:
        return 0, None, None
    reference = adapter.containers.add(Container(lambda: children, frame))
    return (
        reference,
        None if children.indexed else children.count,
        children.count if children.indexed else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Some of the items of a container; `left` counts those that were asked for and are not among them."""

    items: list[Description]
    left: int = 0


def page_of(container: Container, kind: str | None, start: int, count: int) -> Page:
    """A page of items. Makes them, so for a slow container it takes long; may run in any thread."""
    children = container.children()
    if kind is not None and (kind == "indexed") is not children.indexed:
        return Page([])
    start = max(0, start)
    wanted = min(count if count > 0 else children.count, max(0, children.count - start))
    items = children.page(start, min(wanted, PAGE))
    return Page(items, children.count - start - PAGE if wanted > PAGE else 0)


def page_bodies(adapter: Adapter, frame: Frame | None, page: Page) -> list[bodies.VariableBody]:
    """A page as variables. Where a client asked for more than a page, the last one says so."""
    out = [variable_body(adapter, frame, item) for item in page.items]
    if page.left:
        out.append(
            bodies.VariableBody(
                name="…", value=f"{page.left} more: ask for pages of up to {PAGE}", variables_reference=0
            )
        )
    return out
