"""Raw bytes of the tensors on show, for a memory inspector."""

import base64
import binascii
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.console import tell
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import ReadMemory, WriteMemory
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.memory import Memory


def _memory(adapter: Adapter, reference: str) -> "Memory":
    """The tensor of a reference of this stop."""
    number = int(reference) if reference.isdecimal() and len(reference) < 16 else 0
    return adapter.memories.get(number)


@handles("readMemory", ReadMemory, When.STOPPED, supportsReadMemoryRequest=True)
def read_memory(adapter: Adapter, arguments: ReadMemory) -> Reply:
    """Bytes of a tensor; where it has no more of them, how many there are not."""
    memory = _memory(adapter, arguments.memory_reference)
    data = memory.read(arguments.offset, arguments.count)
    reached = arguments.offset + len(data)
    missing = max(0, arguments.count) - len(data) if not data or reached >= memory.size else 0
    return Reply(
        bodies.ReadMemoryBody(
            address=f"{arguments.offset:#x}",
            data=base64.b64encode(data).decode("ascii") if data else None,
            unreadable_bytes=missing or None,
        )
    )


@handles("writeMemory", WriteMemory, When.STOPPED, supportsWriteMemoryRequest=True)
async def write_memory(adapter: Adapter, arguments: WriteMemory) -> Reply:
    """An edit: the step runs again with the numbers that the bytes make."""
    from s2sdap.debugger.editing import console

    memory = _memory(adapter, arguments.memory_reference)
    try:
        data = base64.b64decode(arguments.data, validate=True)
    except binascii.Error as error:
        raise S2sdapError("bad_arguments", command="writeMemory", reason=error) from None
    edits = memory.edits(arguments.offset, data)
    session = adapter.need_session()
    outcome = await adapter.edit(lambda: console.apply(session, edits))
    return Reply(bodies.WriteMemoryBody(bytes_written=len(data)), lambda: tell(adapter, outcome))


FAMILY = (read_memory, write_memory)
