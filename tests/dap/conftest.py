"""Adapters to talk to: one over stdio a test, and a server that the tests of a process share."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dap_programs import DATES, TRANSPORTS, write
from dap_wires import (
    ProcessWire,
    Served,
    TcpWire,
    WarmWire,
    WebSocketWire,
    environment_with,
    serve,
)
from harness import DebugSession
from warm_processes import HUGGING_FACE, WarmProcesses

Connect = Callable[..., DebugSession]


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of every adapter here: it knows the models of `odd_models`."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copy(Path(__file__).with_name("odd_models.py"), folder)
    about = folder / "odd_models-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-models\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[s2sdap.models]\nodd = odd_models:load\n")
    return environment_with(folder)


@pytest.fixture(scope="session")
def served(tmp_path_factory, warm, environment) -> Iterator[Served]:
    """A server. What it wrote to standard error is looked at in the end."""
    with serve(warm, tmp_path_factory.mktemp("served"), environment) as served:
        yield served
        assert "Traceback" not in served.stderr(), served.stderr()


@pytest.fixture(scope="session")
def over_stdio(warm, environment) -> Callable[..., ProcessWire | WarmWire]:
    """An adapter of its own over stdio, forked where that can be."""

    def made(imports: Sequence[str] = (), **more: str) -> ProcessWire | WarmWire:
        of_its_own = {**environment, **more}
        if isinstance(warm, WarmProcesses):
            return WarmWire(warm, of_its_own, imports)
        return ProcessWire(of_its_own)

    return made


@pytest.fixture(scope="session")
def connect(request) -> Connect:
    """Open a session over a transport; an adapter that is forked for it may have imports done."""

    def over(transport: str, imports: Sequence[str] = ()) -> DebugSession:
        if transport == "stdio":
            return DebugSession(request.getfixturevalue("over_stdio")(imports))
        served = request.getfixturevalue("served")
        if transport == "tcp":
            return DebugSession(TcpWire(served.tcp_port), served.token)
        bearer = {"Authorization": f"Bearer {served.token}"}
        return DebugSession(WebSocketWire(served.websocket_port, bearer))

    return over


@pytest.fixture(params=TRANSPORTS)
def session(request, connect) -> Iterator[DebugSession]:
    """A session over each transport."""
    with connect(request.param) as session:
        yield session


@pytest.fixture
def tcp(connect) -> Iterator[DebugSession]:
    """A session for what does not depend on the transport."""
    with connect("tcp") as session:
        yield session


@pytest.fixture(
    scope="module",
    params=[(transport, name) for name in ("recurrent", "hugging face") for transport in TRANSPORTS],
    ids="-".join,
)
def driven(request, connect):
    """A session over a transport, on a model of a family of `dap_rows`."""
    from dap_rows import begun

    transport, name = request.param
    with connect(transport, HUGGING_FACE if name == "hugging face" else ()) as session:
        yield begun(session, name)


@pytest.fixture
def row(driven):
    """That session at its beginning."""
    driven.home()
    return driven


@pytest.fixture
def program(tmp_path) -> str:
    """A program of three sentences, with an empty line (its third)."""
    return write(tmp_path, "\n".join(DATES) + "\n")


@pytest.fixture(scope="session")
def decoded() -> Callable[..., str]:
    """What the date model makes of a sentence when nobody debugs it."""
    import torch

    from s2sdap import SearchSettings, decode, load_model

    torch.set_num_threads(1)
    model = load_model("dates")
    return lambda text, **settings: decode(model, text, SearchSettings(**settings))[0].text


@pytest.fixture
def corpus(tmp_path) -> str:
    """A program that takes a minute: no test waits for its end."""
    return write(tmp_path, "\n".join(f"{day % 28 + 1} March {1900 + day % 150}" for day in range(20_000)))


class Pipe:
    """A named pipe that an odd model waits at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.mkfifo(path)

    def __str__(self) -> str:
        return str(self._path)

    def open(self) -> None:
        """Let the model go on."""
        self._path.open("w").close()

    def let_go(self) -> None:
        """Let the model go on if it has come here, and is not gone already."""
        with contextlib.suppress(OSError):
            os.close(os.open(self._path, os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def pipe(tmp_path) -> Pipe:
    """What `odd:loads-when=` and `odd:steps-when=` wait at."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    return Pipe(tmp_path / "pipe")


def _checkpoint(folder: Path, letters: str, **network: Any) -> str:
    """A folder with a small seeded network that reads the letters a to h."""
    import torch
    from models.small_networks import side, small_config

    from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
    from s2sdap.models.rnn.network import RnnNetwork

    sides = {"source": side("abcdefgh"), "target": side(letters)}
    config = small_config(**network)
    torch.manual_seed(5)
    made = RnnNetwork(config, *(len(side.pieces) for side in sides.values()))
    save_checkpoint(folder, CheckpointConfig(family="rnn", network=config, **sides), made.state_dict())
    return str(folder)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory) -> str:
    """A checkpoint with 1,500 target tokens."""
    letters = "".join(chr(0x4E00 + number) for number in range(1496))
    return _checkpoint(tmp_path_factory.mktemp("models") / "wide", letters)


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory) -> str:
    """A checkpoint without attention."""
    return _checkpoint(tmp_path_factory.mktemp("models") / "plain", "uvwxyz", attention="none")
