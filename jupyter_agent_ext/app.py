"""AgentExtension: chooses the parts and wires them, nothing else (floor 6)."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any, cast

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Dict, Enum, Float, Int, List, Type, Unicode, default

from .cell_turns import CellRules, CellTurns
from .handlers.base import SETTING, sole_owner
from .handlers.routes import default_handlers
from .kernels.directory import Attach, KernelDirectory
from .models.keys import KeyStore
from .models.litellm import LiteLLMModel
from .models.router import Models
from .notebooks.elsewhere import SessionConnections
from .notebooks.files import ContentsFiles
from .notebooks.provider import Notebooks
from .protocols import Model, SessionStore
from .renames import follow_renames
from .sessions import AgentSessionManager
from .stores.sqlite import SQLiteStore
from .tools.registry import builtin_toolset
from .workspace import Services


class AgentExtension(ExtensionApp):
    """A coding agent that works on the live notebook."""

    name = "jupyter_agent_ext"
    extension_url = "/agent/health"
    load_other_extensions = True
    handlers = default_handlers
    classes = [AgentSessionManager]  # noqa: RUF012

    store_class = Type(SQLiteStore, klass=SessionStore, help="Where the logs lie.").tag(config=True)
    store_url = Unicode(
        help="The address given to the store: a file for SQLite, or ':memory:'."
    ).tag(config=True)
    model_class = Type(
        LiteLLMModel, klass=Model, help="What answers all models but the embedded one."
    ).tag(config=True)
    api_bases = Dict(
        help="Addresses to call instead of a provider's own, by provider or model name. Only "
        "the configuration can set them, never a request."
    ).tag(config=True)
    model_overrides = Dict(
        help="What litellm cannot know of a model, by name: context_window, images, input_cost, "
        "output_cost (US dollars per token)."
    ).tag(config=True)
    model_timeout = Float(180.0, help="Seconds to wait for a model's first words.").tag(config=True)
    tools = List(Unicode(), help="Modules with further tools, 'pkg.module'.").tag(config=True)
    attach = Enum(
        ["always", "on_use", "never"],
        "always",
        help="When to make kernels readable: at their start, at the first use, or never. A "
        "kernelspec with metadata jupyter_agent: false is always left alone.",
    ).tag(config=True)
    magic_effects = List(
        Enum(["edit", "execute", "external"]),
        help="What turns that cells ask for (%agent) may do without approval in mode ask. Any "
        "code in a kernel can ask.",
    ).tag(config=True)
    magic_turns_per_minute = Int(
        30, help="Turns that the cells of one kernel may ask for in a minute; 0: no limit."
    ).tag(config=True)
    magic_cost_per_hour = Float(
        10.0, help="US dollars for turns from the cells of one kernel in an hour; 0: no limit."
    ).tag(config=True)

    kernels: KernelDirectory | None = None
    manager: AgentSessionManager | None = None
    models: Models | None = None
    cell_turns: CellTurns | None = None

    @default("store_url")
    def _default_store_url(self) -> str:
        return os.path.join(jupyter_data_dir(), "jupyter_agent_ext", "sessions.sqlite")

    def initialize_settings(self) -> None:
        """Build the parts and put the manager where the handlers find it."""
        app: Any = self.serverapp
        keys = KeyStore(Path(jupyter_data_dir()) / "jupyter_agent_ext" / "keys.json")
        kernels = KernelDirectory(
            app,
            owner=uuid.uuid4().hex,
            attach=cast("Attach", self.attach),
            log=self.log,
        )
        models = Models(self._remote_model(keys))
        services = Services(
            store=cast("Any", self.store_class)(self.store_url, log=self.log),
            model=models,
            kernels=kernels,
            notebooks=Notebooks(
                app.contents_manager,
                open_elsewhere=SessionConnections(app.session_manager),
                settings=app.web_app.settings,
            ),
            files=ContentsFiles(app.contents_manager),
            toolset=builtin_toolset(self.tools),
            keys=keys,
            logger=self.log,
        )
        root = os.path.realpath(getattr(app.contents_manager, "root_dir", app.root_dir))
        manager = AgentSessionManager(services, root, parent=self)
        kernels.on_restart.append(manager.upkeep.kernel_restarted)
        self.settings[SETTING] = manager
        self.kernels, self.manager, self.models = kernels, manager, models
        self.cell_turns = CellTurns(manager, kernels, self._cell_rules(), self.log)
        kernels.on_ask.append(self.cell_turns.begin)

    def _cell_rules(self) -> CellRules:
        app: Any = self.serverapp
        return CellRules(
            effects=self.magic_effects,
            turns_per_minute=self.magic_turns_per_minute,
            cost_per_hour=self.magic_cost_per_hour,
            owner=lambda: sole_owner(app.identity_provider),
        )

    def _remote_model(self, keys: KeyStore) -> Any:
        return cast("Any", self.model_class)(
            keys,
            api_bases=self.api_bases,
            overrides=self.model_overrides,
            first_timeout=self.model_timeout,
            log=self.log,
        )

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to work, now that the event loop runs."""
        if self.kernels is None or self.manager is None:
            return
        self.kernels.listen()
        follow_renames(serverapp.event_logger, self.manager.upkeep.follow_rename)
        await self.manager.start()

    async def stop_extension(self) -> None:
        """End turns, viewers and connections in order."""
        if self.manager is not None:
            await self.manager.close()
        if self.cell_turns is not None:
            await self.cell_turns.close()
        if self.kernels is not None:
            await self.kernels.close()
        if self.models is not None:
            await self.models.close()
