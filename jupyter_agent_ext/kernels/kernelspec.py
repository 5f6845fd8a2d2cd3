"""Which kernelspec a notebook asks for (floor 1)."""

from __future__ import annotations

from typing import Any

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from ..errors import KernelError, NotFoundError
from ..records import Json


async def kernel_name_for(serverapp: Any, path: str) -> str:
    """Return the name of the kernelspec with which to open a notebook, as JupyterLab chooses.

    That is the one its metadata names, else one of its language, else the default (also where
    the file cannot be read). Raises
    NotFoundError if there is no notebook, KernelError if no kernel of its language is here.
    """
    metadata = await _metadata(serverapp.contents_manager, path)
    manager = serverapp.kernel_manager
    specs: dict[str, Json] = await ensure_async(manager.kernel_spec_manager.get_all_specs())
    wanted = metadata.get("kernelspec") or {}
    default: str = manager.default_kernel_name
    if wanted.get("name") in specs:
        return str(wanted["name"])
    info = metadata.get("language_info") or {}
    language = str(wanted.get("language") or info.get("name") or "").lower()
    if not language:
        return default
    fitting = [name for name, spec in specs.items() if _language(spec) == language]
    if not fitting:
        raise KernelError(
            f"The notebook asks for the kernel {wanted.get('name', language)}, which is not here.",
            hint=f"Install a kernel for {language}, or choose another one in JupyterLab.",
        )
    return default if default in fitting else fitting[0]


async def _metadata(contents: Any, path: str) -> Json:
    try:
        model = await ensure_async(contents.get(path.strip("/"), content=True, type="notebook"))
    except HTTPError as error:
        if error.status_code == 404:
            raise NotFoundError(f"There is no notebook {path}.") from error
        return {}  # a broken file names no kernel: the default one will do
    metadata: Json = model["content"].get("metadata") or {}
    return metadata


def _language(spec: Json) -> str:
    return str(spec["spec"].get("language", "")).lower()
