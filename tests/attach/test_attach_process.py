"""A process of its own that is attached to: the example, Ctrl-C, a fork, what is imported."""

import os
import re
import signal
import threading
from pathlib import Path

import pytest
from attaching import SECONDS, attached, hooks_of, identical, said, wait_until
from warm_processes import HUGGING_FACE, ColdProcesses

import s2sdap
from s2sdap.attach.process import HERE
from s2sdap.client import Debugger, S2sdapError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "attach_huggingface" / "run.py"


def python(processes, *words, **more):
    """A process that imports the package from here."""
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return processes.start(words, environment=surroundings, **more)


def ending(process):
    """What it says until it ends, and its errors."""
    said = process.stdout.read(), process.stderr.read()
    process.wait(SECONDS)
    return said


def address_of(process):
    """Where a process says that it listens, and where its token is."""
    told = ""
    while "script:" not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    return re.search(r"tcp://\S+:\d+", told)[0], re.search(r"token in (.+)", told)[1]


def test_the_example_runs_the_same_with_a_client_and_without(warm):
    words = (EXAMPLE, "--port", "0")
    alone = python(warm, *words, "--go-on-without", "0", imports=HUGGING_FACE)
    with alone, python(warm, *words, imports=HUGGING_FACE) as process:
        address, token_file = address_of(process)
        with Debugger.connect_address(address, token_file=token_file, run_timeout=SECONDS) as debugger:
            debugger.attach()
            assert debugger.wait_for_stop().reason == "entry"
            assert "".join(token.piece for token in debugger.step().source).startswith("Good")
            assert [debugger.next().reason for _ in range(3)] == ["step"] * 3
            assert debugger.step_back().reason == "step"
            assert len(debugger.threads()) == 8  # four hypotheses of each of two sentences
            debugger.resume()
            end = debugger.wait_for_stop()  # the process ends
        got, errors = ending(process)
        assert end.ended
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        expected, errors = ending(alone)
        assert alone.returncode == 0, errors
    assert expected.count(": ") == 2
    assert got == expected
    assert not Path(token_file).exists()


MODULE = """
import torch, s2sdap
module = torch.nn.Linear(3, 3)
s2sdap.listen(0)
s2sdap.wait_for_client()
with s2sdap.debug(module, sites={"": "prediction.logits"}):
    module(torch.ones(2, 3))
"""


def test_a_killed_process_is_told_to_the_client(warm):
    with python(warm, "-c", MODULE) as process:
        address, token_file = address_of(process)
        with Debugger.connect_address(address, token_file=token_file, run_timeout=SECONDS) as debugger:
            debugger.attach()
            debugger.wait_for_stop()
            process.kill()
            with pytest.raises(S2sdapError) as caught:
                debugger.continue_()
            assert caught.value.name == "connection_lost"
        ending(process)


def test_listening_imports_no_tensor_library():
    script = """
import sys, s2sdap
s2sdap.listen(0, quiet=True)
s2sdap.wait_for_client(0); s2sdap.is_client_connected(); s2sdap.breakpoint()
x = object()
assert s2sdap.probe("attention.weights", x) is x
try:
    with s2sdap.debug("no model"): pass
except s2sdap.S2sdapError as error:
    print(error.name)
print([name for name in ("torch", "transformers", "numpy") if name in sys.modules])
"""
    with python(ColdProcesses(), "-c", script) as process:
        out, errors = ending(process)
    assert out.split("\n")[:2] == ["nothing_to_debug", "[]"], errors


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("stopped", threading.main_thread),
        ("stopped", threading.current_thread),
        ("running", threading.main_thread),
    ],
)
def test_ctrl_c_is_raised_in_the_program(here, bart, when, told):
    """Also where another thread than the program's is told of it, or its wait at the stop has not begun."""
    model, inputs = bart
    hooks = hooks_of(model)
    expected = model.generate(**inputs, max_new_tokens=6)
    words, reached = [], threading.Event()

    def slowly(_ids, scores):
        reached.set()
        threading.Event().wait(0.02)
        return scores

    def client():
        with attached(here, stop_on_entry=when == "stopped") as debugger:
            if when == "stopped":
                debugger.wait_for_stop()
                debugger.next()
                debugger.force("#45")  # when that is answered, the program has come to its wait
            else:
                assert reached.wait(SECONDS)
            signal.pthread_kill(told().ident, signal.SIGINT)
            assert raised.wait(SECONDS)  # whatever was asked of the program would wake it
            wait_until(lambda: "KeyboardInterrupt" in said(debugger))
            words.append(said(debugger))
            ended.set()
            debugger.wait_for_stop()  # and the next call can be debugged
            debugger.resume()
            done.wait(SECONDS)

    raised, ended, done = (threading.Event() for _ in range(3))
    thread = threading.Thread(target=client)
    thread.start()
    assert s2sdap.wait_for_client(SECONDS)
    with s2sdap.debug(model):
        with pytest.raises(KeyboardInterrupt):
            model.generate(**inputs, max_new_tokens=500, min_new_tokens=500, logits_processor=[slowly])
        raised.set()
        assert hooks_of(model) == hooks
        assert ended.wait(SECONDS)
        s2sdap.breakpoint()
        assert identical(model.generate(**inputs, max_new_tokens=6), expected)
    done.set()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert "was ended by KeyboardInterrupt" in words[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_nobodys(here, bart):
    with attached(here), s2sdap.debug(bart[0]):
        child = os.fork()
        if child == 0:  # without torch, which a fork may leave unusable
            signal.alarm(int(SECONDS))
            os._exit(0 if HERE.client is None and not HERE.inside and not s2sdap.is_client_connected() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert s2sdap.is_client_connected()
