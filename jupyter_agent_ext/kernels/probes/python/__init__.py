"""The probe for IPython kernels. Guest code: it runs in the user's kernel.

Standard library and IPython only, Python 3.10 and later. `probes.python_source` joins these
files into one namespace, so every top-level name is unique among them.
"""
