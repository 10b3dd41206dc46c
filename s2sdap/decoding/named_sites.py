"""Sites of a record by their names, of which some tensors are not at hand until somebody looks."""

from collections.abc import Collection, Iterator, Mapping

from torch import Tensor


class NamedSites(Mapping[str, Tensor]):
    """Knows which sites there are; whoever derives from it says where their tensors come from."""

    __slots__ = ("_names",)

    _names: Collection[str]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
