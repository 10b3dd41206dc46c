"""Attaching to a process that runs its own decode, and called `s2sdap.listen`."""

from s2sdap.dap import python_debugger
from s2sdap.dap.access import token_matches
from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.attach_arguments import parse_attach
from s2sdap.dap.attached import Calls
from s2sdap.dap.breakpoints import index_problem, refuse_rules
from s2sdap.dap.dispatch import RawArguments, Reply, When, handles
from s2sdap.dap.launch import token_of
from s2sdap.protocol import bodies
from s2sdap.vocabulary.errors import S2sdapError


@handles("attach", RawArguments, When.INITIALIZED)
async def attach(adapter: Adapter, arguments: RawArguments) -> Reply:
    """Let the client configure, and show it the calls from then on.

    An attach that fails leaves everything as it was, so that a client may mend it and try again.
    """
    process = adapter.process
    if process is None:
        raise S2sdapError("launch_only")
    if adapter.state is not State.FRESH:
        raise S2sdapError("already_launched")
    if adapter.token is not None and not token_matches(token_of(arguments.raw), adapter.token):
        raise S2sdapError("bad_token")
    adapter.token = None  # it has been shown
    wanted, warnings = parse_attach(arguments.raw)
    rules = wanted.rules()
    problem = None
    if wanted.python_debug:
        await python_debugger.begin_with(adapter)
    if wanted.index is None:
        problem = index_problem("of this program")
    else:
        from s2sdap.neighbors.store import StateStore

        StateStore.open(wanted.index)
    refuse_rules(rules, problem)
    process.attach(adapter)
    adapter.calls = Calls(adapter, process, stop_on_entry=wanted.stop_on_entry, index=wanted.index)
    adapter.requested.launch_rules = rules
    adapter.requested.index_problem = problem
    adapter.state = State.LOADING
    # A call cannot be made again from here: what is announced must be what can be done.
    adapter.emit("capabilities", bodies.Capabilities(capabilities={"supportsRestartRequest": False}))
    adapter.emit("initialized")
    for warning in warnings:
        adapter.say(warning)
    return Reply()


FAMILY = (attach,)
