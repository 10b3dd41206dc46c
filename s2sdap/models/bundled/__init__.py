"""The models inside this package, a folder each, and the pairs that they were trained on."""
