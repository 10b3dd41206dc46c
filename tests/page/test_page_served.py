"""What the server hands out, to whom, and with which headers."""

import urllib.error
import urllib.request

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from s2sdap import S2sdapError
from s2sdap.page.files import handout, read_page


def fetch(url, **headers):
    """Status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_page_and_its_files_have_a_strict_policy(paged):
    status, headers, body = fetch(f"{paged.origin}/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {paged.websocket}"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    for script in (part.split('"')[0] for part in body.decode().split('src="')[1:]):
        status, headers, _ = fetch(paged.origin + script)
        assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")


def test_the_token_is_in_no_file(paged):
    for path in ("/", "/icon.svg"):
        assert paged.token.encode() not in fetch(paged.origin + path)[2]
    assert paged.link.endswith(f"#{paged.token}")


@pytest.mark.parametrize(
    "path", ["/nothing.js", "/../pyproject.toml", "/..%2f..%2fpyproject.toml", "/fingerprint.txt"]
)
def test_what_is_not_of_the_page_is_not_handed_out(paged, path):
    assert fetch(paged.origin + path)[0] == 404


def test_another_host_is_refused(paged):
    status, _, body = fetch(f"{paged.origin}/", Host="evil.example")
    assert status == 403
    assert b"S2S5103" in body


@pytest.mark.parametrize(
    ("origin", "shown", "status"),
    [
        ("own", "own", 101),
        ("own", "0" * 64, 401),
        ("own", None, 401),
        ("http://evil.example", "own", 403),
        ("null", "own", 403),
        ("http://127.0.0.1:1", "own", 403),
    ],
)
def test_who_may_open_the_websocket(paged, origin, shown, status):
    protocols = ["s2sdap"]
    if shown is not None:
        protocols.append(f"s2sdap.token.{paged.token if shown == 'own' else shown}")
    asked = {"origin": paged.origin if origin == "own" else origin, "subprotocols": protocols}
    if status == 101:
        with connect(paged.websocket, **asked) as socket:
            assert socket.subprotocol == "s2sdap"  # and not the token, which would stand in the answer
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(paged.websocket, **asked)
    assert refused.value.response.status_code == status
    assert paged.token.encode() not in (refused.value.response.body or b"")


def test_a_page_that_was_not_built_says_how_to(tmp_path):
    with pytest.raises(S2sdapError) as refused:
        read_page(tmp_path)
    assert refused.value.number == 5301
    assert "make page" in str(refused.value)


def test_a_built_page_is_read_once_and_by_type(tmp_path):
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("1")
    (tmp_path / "notes.txt").write_text("not for browsers")
    files = handout(read_page(tmp_path), "127.0.0.1:1")
    assert sorted(files) == ["/", "/assets/a.js", "/index.html"]
    content, headers = files["/assets/a.js"]
    assert (content, headers["Content-Type"]) == (b"1", "text/javascript; charset=utf-8")
    assert "ws://127.0.0.1:1" in headers["Content-Security-Policy"]
