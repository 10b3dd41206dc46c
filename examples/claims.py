"""What a tutorial claims, held against what is measured: how the stories of the examples tell it."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console


class Claim(NamedTuple):
    """What is claimed, whether it is so, and what was measured where the claim does not hold that itself."""

    what: str
    holds: bool
    measured: str = ""


def tell(console: Console, claims: Iterable[Claim]) -> bool:
    """Print each claim as it is checked. Returns whether all hold."""
    whole = True
    for claim in claims:
        console.print("[green]holds[/]  " if claim.holds else "[bold red]FAILS[/]  ", end="")
        told = f"{claim.what}: {claim.measured}" if claim.measured else claim.what
        console.print(told, highlight=False, markup=False, soft_wrap=True)
        whole = whole and claim.holds
    return whole
