"""Faults planted at a known stage of a trained model, and how often the verdict names it: `make verdict`."""
