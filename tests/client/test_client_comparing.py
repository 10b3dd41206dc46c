"""The verbs that compare."""

import pytest

from s2sdap.client import Debugger, Refused, Side


@pytest.fixture
def session(served):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        debugger.launch(source="March 3, 1999", reference="1999-03-05", beam_size=2)
        debugger.next()
        yield debugger


def test_a_reference_beside_the_output(session):
    body = session.compare(Side(reference=True))
    assert (body.left.output, body.right.output) == ("1999-03-03", "1999-03-05")
    assert body.divergence == 9
    assert body.parting.left.rival.piece == "5"
    assert body.parting.left.rival.p == pytest.approx(body.parting.right.token.p)
    assert len(session.compare(Side(reference=True), start=3, count=2).rows) == 2


def test_both_sides_may_be_named(session):
    session.force("2")
    body = session.compare(Side(branch=0), Side(branch=1))
    assert (body.left.branch, body.right.branch) == (1, 0)
    assert body.divergence == 0
    assert session.compare(Side()).same


def test_where_a_reference_went(session):
    body = session.where_did_my_reference_go()
    assert body.fall.token.piece == "5"
    assert body.fall.gap > 0
    assert session.where_did_my_reference_go("1999-03-03").outcome == "output"
    with pytest.raises(Refused) as caught:
        session.where_did_my_reference_go(branch=7)
    assert caught.value.name == "unknown_branch"
