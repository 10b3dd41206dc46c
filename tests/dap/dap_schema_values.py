"""Values that fit a JSON schema, as a hypothesis strategy.

`hypothesis-jsonschema` 0.23.1 does not work with the installed hypothesis (its objects call an
internal method that is gone), and it refuses the protocol's recursive types. This one knows the part
of JSON schema that the protocol and msgspec use, and ends recursion at a depth.
"""

from typing import Any

from hypothesis import strategies as st

DEPTH = 4

_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(-3, 30) | st.integers(),
    "number": st.integers(-3, 30) | st.floats(allow_nan=False, allow_infinity=False),
    "string": st.sampled_from(
        ("token", "p < 0.5", "weights", "0.5", "1", "hover", "lowConfidence", "attention")
    )
    | st.text(max_size=12),
}


def values_of(schema: dict[str, Any], root: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that fit `schema`, whose references point into `root`."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return values_of(found, root, depth)
    if "enum" in schema or "_enum" in schema:
        return st.sampled_from(schema.get("enum") or schema["_enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return st.one_of([values_of(each, root, depth) for each in schema[several]])
    kinds = schema.get("type", "object" if "properties" in schema else list(_PLAIN))
    if isinstance(kinds, list):
        return st.one_of([values_of({**schema, "type": kind}, root, depth) for kind in kinds])
    if kinds == "object":
        return _objects(schema, root, depth)
    if kinds == "array":
        items = values_of(schema.get("items", {}), root, depth + 1)
        return st.lists(items, max_size=0 if depth > DEPTH else 4)
    return _PLAIN[kinds]


def _objects(schema: dict[str, Any], root: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    required, optional = {}, {}
    for name, inner in schema.get("properties", {}).items():
        if name in schema.get("required", ()):
            required[name] = values_of(inner, root, depth + 1)
        elif depth <= DEPTH:
            optional[name] = values_of(inner, root, depth + 1)
    return st.fixed_dictionaries(required, optional=optional)
