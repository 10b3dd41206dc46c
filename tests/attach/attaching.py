"""A program that is attached to, in this very process: it runs in a thread, the test is the client."""

import contextlib
import threading
import time

import torch

import s2sdap
from s2sdap.attach import listening
from s2sdap.client import Debugger

SECONDS = 100.0
"""Nothing takes this long."""


class Program(threading.Thread):
    """Runs `work` beside the test; `result` waits for what it returned or raised."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work = work
        self._outcome = []
        self.start()

    def run(self):
        try:
            self._outcome = [self._work(), None]
        except BaseException as error:
            self._outcome = [None, error]

    def result(self):
        self.join(SECONDS)
        assert not self.is_alive(), "the program hangs"
        value, error = self._outcome
        if error is not None:
            raise error
        return value


@contextlib.contextmanager
def listens(**options):
    """This process listens inside; afterwards nothing of it is left."""
    addresses = s2sdap.listen(0, quiet=True, **options)
    try:
        yield addresses
    finally:
        listening.stop_listening()
    assert not [thread for thread in threading.enumerate() if thread.name == "s2sdap protocol"]


@contextlib.contextmanager
def connected(addresses):
    """A client that has not attached yet."""
    token = listening.token_file().read_text()
    with Debugger.connect(addresses.host, addresses.tcp_port, token=token, run_timeout=SECONDS) as debugger:
        yield debugger


@contextlib.contextmanager
def attached(addresses, **options):
    """A client that has attached, and is waiting for calls."""
    with connected(addresses) as debugger:
        debugger.attach(**options)
        assert s2sdap.wait_for_client(SECONDS)
        yield debugger
    wait_until(lambda: not s2sdap.is_client_connected())


def said(debugger):
    """What the console of the client shows, once it has been told all that was said before."""
    debugger.threads()
    return "".join(event.read(dict)["output"] for event in debugger.events("output"))


def wait_until(condition):
    """Wait for what another thread will do."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def hooks_of(model):
    """Every hook in every module, and every attribute that is not a tensor: what must be as before."""
    found = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if "hook" in key:
                found[name, key] = dict(value) if hasattr(value, "items") else value
            elif key not in ("_parameters", "_buffers", "_modules", "config"):
                found[name, key] = value
    return found


def identical(one, other):
    """Whether two returned objects are of the same types with the same bits all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return (
            one.dtype == other.dtype
            and one.is_inference() == other.is_inference()
            and torch.equal(one, other)
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(identical, one, other))
    if hasattr(one, "self_attention_cache"):
        return identical(one.self_attention_cache, other.self_attention_cache) and identical(
            one.cross_attention_cache, other.cross_attention_cache
        )
    if hasattr(one, "layers"):
        return identical(
            [(each.keys, each.values) for each in one.layers], [(e.keys, e.values) for e in other.layers]
        )
    return one is None or one == other


def vanish(debugger):
    """The client is gone as if its process had been killed: no goodbye."""
    loop = debugger._loop._loop
    loop.call_soon_threadsafe(debugger._debugger.connection._channel._writer.transport.abort)
    wait_until(lambda: not s2sdap.is_client_connected())
