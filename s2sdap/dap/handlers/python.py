"""Stepping into the Python that computes a stage: a child session of a Python debugger."""

from s2sdap.dap import python_debugger
from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.protocol import custom
from s2sdap.protocol.arguments import Nothing


@handles(custom.PYTHON, Nothing, When.LAUNCHED)
async def python(adapter: Adapter, arguments: Nothing) -> Reply:
    """Start debugpy in the process of the model, and ask the client for a session with it."""
    return Reply(await python_debugger.begin(adapter))


FAMILY = (python,)
