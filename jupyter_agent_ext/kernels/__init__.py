"""Kernel adapters: live kernels, their variables and executions (floor 1)."""
