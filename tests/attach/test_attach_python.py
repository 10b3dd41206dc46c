"""A program that is attached to, and its own Python under debugpy, started by us or by the program."""

import contextlib

import pytest
from attaching import SECONDS, said
from python_client import PythonClient
from test_attach_process import address_of, python
from warm_processes import ColdProcesses

from s2sdap.client import Debugger

SCRIPT = """
import sys, torch, s2sdap

class Twice(torch.nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)

already = sys.argv[1] == "already"
if already:
    import debugpy
    print("script: debugpy at", debugpy.listen(("127.0.0.1", 0))[1], file=sys.stderr, flush=True)
module = Twice(3, 3)
s2sdap.listen(0)
s2sdap.wait_for_client()
with s2sdap.debug(module, sites={"": "prediction.logits"}):
    module(torch.ones(2, 3))  # stops on entry
    module(torch.ones(2, 3))
"""
LINE = next(at for at, text in enumerate(SCRIPT.split("\n"), start=1) if "super().forward" in text)


@pytest.mark.parametrize("started_by", ["us", "already"])
def test_a_breakpoint_in_a_programs_forward_stops_it_and_the_decode_goes_on_after(started_by, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    with python(ColdProcesses(), str(script), started_by) as process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        port = None
        if started_by == "already":
            told = next(line for line in process.stderr if "debugpy at" in line)
            port = int(told.split()[-1])
        address, token_file = address_of(process)
        with Debugger.connect_address(address, token_file=token_file, run_timeout=SECONDS) as debugger:
            debugger.attach(python_debug=True)
            assert debugger.wait_for_stop().reason == "entry"
            told = said(debugger)
            if port is None:
                port = int(told.split("127.0.0.1:")[1].split(":")[0])
            else:
                assert "S2S5012" in told
            client = PythonClient("127.0.0.1", port)
            client.attach(
                {"justMyCode": False, "connect": {"host": "127.0.0.1", "port": port}}, str(script), [LINE]
            )
            debugger.resume()
            stopped = client.until("event", event="stopped")["body"]
            assert debugger.threads()  # it answers while the program stands still
            client.break_at(str(script), [])
            client.request("continue", threadId=stopped["threadId"])
            client.request("disconnect")
            client.close()
            assert debugger.wait_for_stop().ended
        _, errors = process.communicate(timeout=SECONDS)
        stack.pop_all()
        assert process.returncode == 0, errors
