"""`s2sdap doctor` on a machine that works, and on one that does not."""

import re


def rows(text: str) -> dict[str, tuple[str, str]]:
    """State and finding of each row, by its name."""
    found = re.findall(r"^(ok|warn|fail) +(\S+(?: \S+)*)  +(\S.*)$", text, re.MULTILINE)
    return {name: (state, what) for state, name, what in found}


def test_what_works_is_ok(s2sdap):
    done = s2sdap("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    found = rows(done.stdout)
    for name in ("python", "s2sdap", "torch", "loopback port", "torch threads", "devices"):
        assert found[name][0] == "ok", found[name]
    assert re.match(r"answers initialize in \d+\.\d\d s", found["adapter over stdio"][1])
    assert found["model dates"][1].startswith("'March 3, 1999' becomes '1999-03-03'")
    for state, what in found.values():
        assert (state == "warn") == ("absent" in what)


def test_what_is_broken_fails_with_what_to_do(s2sdap, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('its library is of another machine')\n")
    done = s2sdap("doctor", PYTHONPATH=str(tmp_path), PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    found = rows(done.stdout)
    assert found["torch loads"] == ("fail", "ImportError: its library is of another machine")
    assert found["model dates"][0] == "fail"
    assert found["adapter over stdio"][0] == "ok"  # it needs no torch to say hello
    assert found["node"] == ("warn", "absent")
    bad = len([state for state, _ in found.values() if state != "ok"])
    assert done.stdout.count("→") == bad
