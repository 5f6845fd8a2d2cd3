"""From a notebook file's text to its cells, in a thread (floor 1)."""

from __future__ import annotations

from typing import Any, Final

import nbformat
import nbformat.reader

from ..errors import BadRequestError

_OWN: Final = "jupyter_server.services.contents."


def keeps_text(contents: Any) -> bool:
    """Say whether a notebook of this contents manager is what its file's text says.

    True for the managers that Jupyter Server ships; others may put it together from two files.
    """
    return str(type(contents).get.__module__).startswith(_OWN)


def parse(text: str) -> Any:
    """Return the notebook as nbformat 4, neither validated nor repaired. Raises BadRequestError."""
    any_version: Any = nbformat.reader.reads
    version_4: Any = nbformat.reads
    try:
        notebook = any_version(text)
        if notebook["nbformat"] != 4:
            notebook = version_4(text, as_version=4)
        for cell in notebook["cells"]:
            _ = cell["source"], cell["cell_type"], cell["metadata"]
    except Exception as error:  # nbformat raises whatever the wrong field leads to
        raise BadRequestError(
            "The file is not a notebook that can be read.",
            hint="Open it in JupyterLab: that shows what is wrong.",
        ) from error
    return notebook


def looks_safe(notary: Any, notebook: Any, *, signed: bool) -> bool:
    """Say whether all outputs are trusted, or can do no harm."""
    notary.mark_cells(notebook, signed)
    return bool(notary.check_cells(notebook))  # takes the marks off the cells again
