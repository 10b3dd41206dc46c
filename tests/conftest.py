"""Stands here so that pytest puts this folder on the import path: `tiny_models` is shared by the floors."""
