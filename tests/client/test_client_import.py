"""The client works where there is no tensor library, and imports none where there is."""

import subprocess
import sys


def test_importing_the_client_imports_no_torch_and_no_numpy():
    code = (
        "import sys, s2sdap.client; "
        "heavy = {'torch', 'numpy', 'websockets', 's2sdap.debugger', 's2sdap.decoding', 's2sdap.models'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.strip() == "[]"


def test_the_client_runs_where_torch_and_numpy_are_not_installed():
    code = (
        "import sys\n"
        "sys.modules.update(torch=None, numpy=None)\n"
        "from s2sdap.client import Debugger, S2sdapError\n"
        "try:\n"
        "    Debugger.connect_address('tcp://127.0.0.1:1')\n"
        "except S2sdapError as error:\n"
        "    print(error.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert (done.stdout.strip(), done.stderr) == ("connection_refused", "")
