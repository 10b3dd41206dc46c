"""Hugging Face models: loading them, what they read, and the taps that see and edit their forward pass.

The only place, beside `decoding.generation`, that imports transformers.
"""
