"""Tests of the notebook adapters."""
