"""Where numba keeps what it compiles, when it finds no place itself."""

import os
import subprocess
import sys

import pytest

from s2sdap.neighbors.search.compiling import private_folder

MODULE = """
import numba

@numba.njit("int64(int64)", cache=True)
def twice(number):
    return 2 * number
"""
IMPORTING = """
import numba
from s2sdap.neighbors.search.compiling import compiled
print(compiled("compiled_for_a_test").twice(21), repr(numba.config.CACHE_DIR))
"""
THREADS = """
import torch
torch.set_num_threads(1)
torch.get_num_threads()  # now this thread has its number
from s2sdap.neighbors.search.compiling import compiled
numba = compiled("numba")
print(numba.get_num_threads(), torch.get_num_threads())
"""


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no users on this system")
def test_a_module_is_imported_where_numba_finds_no_place_for_its_cache(tmp_path):
    (tmp_path / "compiled_for_a_test.py").write_text(MODULE)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""}
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for _ in range(2):  # the second time from what the first one kept
        done = subprocess.run(
            [sys.executable, "-c", IMPORTING],
            env={**os.environ, **nowhere, "TMPDIR": str(temporary), "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == ["42", "''"], done.stderr
        kept = [each for each in temporary.rglob("*") if each.suffix == ".nbi"]
        assert [each.name.split(".")[0] for each in kept] == ["compiled_for_a_test"]
    assert [each.name for each in temporary.iterdir()] == [f"s2sdap-numba-{os.getuid()}"]


def test_the_threads_of_numba_leave_torch_with_its_own():
    done = subprocess.check_output(
        [sys.executable, "-c", THREADS], env={**os.environ, "NUMBA_NUM_THREADS": "3"}
    )
    assert done.split() == [b"3", b"1"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no users on this system")
def test_a_folder_that_others_can_write_is_not_used(tmp_path):
    """What lies there is read as pickles."""
    private = private_folder(tmp_path)
    assert private_folder(tmp_path) == private
    assert private.stat().st_mode & 0o777 == 0o700
    private.chmod(0o777)
    other = private_folder(tmp_path)
    assert other != private
    assert other.stat().st_mode & 0o777 == 0o700
    private.rmdir()
    private.symlink_to(other)
    assert private_folder(tmp_path) not in {private, other}
