"""Parity: decodes under the debugger held against `generate`, family by family and setting by setting."""
