"""The names that a checkpoint of OpenNMT-py may hold. None of them is ever looked up: they are noted.

They are those of its own classes (options, optimisers, fields), of torchtext's vocabularies, of torch's
tensors and of a few containers. A name outside of the list is a sign that a file was made to be run.
"""

from typing import Final

from s2sdap.models.opennmt.pickled import Named

_WHOLE_MODULES: Final = ("onmt", "torchtext", "torch.optim", "torch.nn")
_BUILT_IN: Final = frozenset(
    {
        *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object"),
        *("set", "slice", "str", "tuple", "unicode"),
        "getattr",  # as in `getattr(str, "split")`, the tokenizer of a field
    }
)
_TORCH: Final = frozenset(
    {
        *("bfloat16", "bool", "double", "float", "float16", "float32", "float64", "half", "int", "int16"),
        *("int32", "int64", "int8", "long", "short", "uint8", "Size", "device"),
    }
)
_OTHERS: Final = {
    "argparse": frozenset({"Namespace"}),
    "configargparse": frozenset({"Namespace"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "functools": frozenset({"partial"}),
    "copy_reg": frozenset({"_reconstructor"}),
    "copyreg": frozenset({"_reconstructor"}),
    "_codecs": frozenset({"encode"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy.core.multiarray": frozenset({"scalar", "_reconstruct"}),
    "numpy._core.multiarray": frozenset({"scalar", "_reconstruct"}),
    "torch._utils": frozenset(
        {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state"}
    ),
    "__builtin__": _BUILT_IN,
    "builtins": _BUILT_IN,
}


def allowed(name: Named) -> bool:
    """Whether a checkpoint may hold this name."""
    if name.module in ("torch", "torch.cuda"):
        return name.name in _TORCH or name.name.endswith(("Storage", "Tensor"))
    if any(name.module == module or name.module.startswith(f"{module}.") for module in _WHOLE_MODULES):
        return True
    return name.name in _OTHERS.get(name.module, frozenset())
