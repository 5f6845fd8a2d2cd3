"""All routes of the extension, in the order in which they are tried (floor 5)."""

from __future__ import annotations

from . import kernels, models, service, sessions, socket, streams, turns
from .openapi import OpenAPIHandler

default_handlers = [
    *turns.default_handlers,
    *sessions.default_handlers,
    *streams.default_handlers,
    *socket.default_handlers,
    *kernels.default_handlers,
    *models.default_handlers,
    *service.default_handlers,
    (r"/agent/openapi\.json", OpenAPIHandler),
    (r"/agent/.*", service.UnknownHandler),
]
