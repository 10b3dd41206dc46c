"""When a session whose page is gone ends: at once where the page was left, later where it may come back."""

import asyncio
import socket

import pytest

from s2sdap.dap.channels import TcpChannel
from s2sdap.dap.returning import Arrivals, Waits
from s2sdap.dap.sharing import Shared

WAITS = Waits(cut_off=600.0, left=0.0)
"""Nothing that waits for the longer of both ends within a test."""


async def session(arrivals, *, left):
    """A session whose owner has come and gone; the message that ends it."""
    shared = Shared(authenticated=True, arrivals=arrivals)
    ours, theirs = socket.socketpair()
    taking = asyncio.create_task(
        shared.take(TcpChannel(*await asyncio.open_connection(sock=ours)), lambda: left)
    )
    theirs.close()
    await taking
    return asyncio.create_task(shared.receive())


async def first_to_end(*ends):
    """Which of them end by themselves, as places."""
    done, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    assert [each.result() for each in done] == [None] * len(done)
    return [place for place, each in enumerate(ends) if each in done]


@pytest.mark.parametrize(("left", "page"), [(False, False), (True, True)], ids=["cut off", "loaded again"])
def test_who_may_come_back_is_waited_for_longer_than_who_left(left, page):
    async def play():
        coming = Arrivals(WAITS)
        if page:
            coming.fetched()
        waiting = await session(coming, left=left)
        gone = await session(Arrivals(WAITS), left=True)
        return await first_to_end(waiting, gone)

    assert asyncio.run(play()) == [1]


def test_a_page_that_has_connected_is_no_longer_expected():
    now = 0.0
    arrivals = Arrivals(Waits(cut_off=15.0), lambda: now)
    arrivals.fetched()
    arrivals.fetched()
    arrivals.connected()
    assert arrivals.expected()
    arrivals.connected()
    assert not arrivals.expected()
    arrivals.connected()  # one that nobody fetched from here, such as a script's
    arrivals.fetched()
    now = 15.0
    assert arrivals.expected()
    now = 15.1
    assert not arrivals.expected()


def test_without_pages_a_session_ends_with_its_owner():
    async def play():
        return await (await session(None, left=False))

    assert asyncio.run(play()) is None
