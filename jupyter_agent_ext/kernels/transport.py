"""What introspection needs of a connection, whatever carries the messages (floor 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from ..records import Json, KernelState

Channel = Literal["shell", "control"]


class Transport(Protocol):
    """Messages to and from one kernel."""

    @property
    def kernel_id(self) -> str: ...

    @property
    def language(self) -> str:
        """The kernelspec's language in lower case, "python" for ipykernel."""
        ...

    @property
    def state(self) -> KernelState: ...

    def send(self, channel: Channel, msg_type: str, content: Json) -> str:
        """Send a message without waiting; return its msg_id. Raises KernelError if dead."""
        ...

    async def request(
        self, channel: Channel, msg_type: str, content: Json, *, timeout: float | None
    ) -> Json:
        """Send and await the reply: a message dict with header, parent_header and content.

        Raises TimeoutError after `timeout` seconds (None: never), KernelError if the kernel is
        dead or dies meanwhile.
        """
        ...

    async def heartbeat(self, timeout: float = 0.5) -> bool:
        """Say whether the kernel process answers pings (it does while native code runs)."""
        ...

    def watch(self, callback: Callable[[Json], None]) -> Callable[[], None]:
        """Call back with every iopub message from now on; return what stops it."""
        ...
