"""What adapters of the contract need again and again: a layout, a fingerprint, the rows of a state.

None of it has to be used: a model is whatever fulfils `contract.Model`. `Adapter` is all of it together.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Int
from torch import Tensor, nn

from s2sdap.models.contract import Layout, Source, TargetVocabulary
from s2sdap.models.tokenizers import SideConfig, SourceTokenizer, TargetTokens
from s2sdap.vocabulary import sites as known
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def layout_of(network: nn.Module, sites: tuple[str, ...], **sizes: int) -> Layout:
    """The layout of a network that computes `sites` in this order; its stages follow from it.

    Args:
        network: whose parameters are counted.
        sites: names of `vocabulary.sites`; `prediction.logits` is added where it is not named.
        sizes: the length of each fixed axis: `D=96, V=14, H=1, L=1`.

    Raises:
        S2sdapError: `no_such_site` for a name that is none.
    """
    sites = (*(site for site in sites if site != known.PREDICTION_LOGITS), known.PREDICTION_LOGITS)
    for site in sites:
        if site not in known.SITES:
            raise S2sdapError("no_such_site", site=site)
    stages = list(dict.fromkeys(known.SITES[site].stage for site in sites))
    if Stage.DECODER not in stages:  # every model has one, whether or not it shows anything of it
        stages.insert(stages.index(Stage.PREDICTION), Stage.DECODER)
    parameters = sum(weight.numel() for weight in network.parameters())
    return Layout((*stages, Stage.SEARCH), sites, tuple(sizes.items()), parameters)


def fingerprint_of(weights: Mapping[str, Tensor], *others: object) -> str:
    """A hash of a `state_dict` and of whatever else decides what a model writes, by its `repr`."""
    digest = hashlib.sha256(repr(others).encode())
    for name, value in sorted(weights.items()):
        data = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(data.numpy().tobytes())
    return digest.hexdigest()[:16]


def select_rows(state: Any, rows: Int[Tensor, "R"]) -> Any:
    """The state whose row i is row `rows[i]`, for tensors [K, ...] within tuples, lists and dicts.

    What is none of these has no rows and is taken over as it is.
    """
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(select_rows(part, rows) for part in state))
    if isinstance(state, (tuple, list)):
        return type(state)(select_rows(part, rows) for part in state)
    if isinstance(state, dict):
        return {name: select_rows(part, rows) for name, part in state.items()}
    return state


class Adapter:
    """A torch module as a model, but for `encode`, `begin` and `step`, which a subclass writes.

    The subclass names its `sites` in the order in which it computes them. Its states are tensors with a
    row a hypothesis, or tuples, lists and dicts of such tensors; for any other it overrides `select`.
    """

    sites: ClassVar[tuple[str, ...]]
    max_source_length: int | None = None
    target: TargetVocabulary

    def __init__(
        self,
        network: nn.Module,
        name: str,
        device: str,
        *,
        source: SideConfig,
        target: SideConfig,
        **sizes: int,
    ) -> None:
        """Put `network` on `device`, ready to decode.

        `source` and `target` say how each side is tokenised, `sizes` the length of each fixed axis but V.
        """
        self.network: Any = network.eval().to(device)
        self.name = name
        self.device = torch.device(device)
        self.fingerprint = fingerprint_of(network.state_dict(), source, target)
        self.source = SourceTokenizer(source)
        self.target = TargetTokens(target)
        self.layout = layout_of(network, self.sites, **sizes, V=len(target.pieces))

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order."""
        return self.source.tokenize(text)

    def select(self, state: Any, rows: Int[Tensor, "R"], /) -> Any:
        """The state whose row i is row `rows[i]` of `state`."""
        return select_rows(state, rows)
