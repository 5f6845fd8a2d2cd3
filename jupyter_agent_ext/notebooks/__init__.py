"""Notebook adapters: the ways to reach a notebook (floor 1)."""
