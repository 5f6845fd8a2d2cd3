"""Provider keys, kept on the server and never shown again (floor 1)."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ..errors import BadRequestError, NotFoundError, StoreError
from .providers import PROVIDERS

_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
_log = logging.getLogger(__name__)


class KeyStore:
    """Keeps one key per provider in a file that only its owner can read.

    A stored key wins over one from the environment. The file is read at each use, so that
    several servers of one user may share it.
    """

    def __init__(
        self, path: str | os.PathLike[str], environ: Mapping[str, str] | None = None
    ) -> None:
        self.path = Path(path)
        self.environ = os.environ if environ is None else environ
        self._lock = threading.Lock()

    def set(self, provider: str, key: str) -> None:
        """Keep a provider's key. Raises BadRequestError, StoreError."""
        if not _PROVIDER.fullmatch(provider):
            raise BadRequestError(
                f"{provider[:64]!r} is no provider's name.",
                hint="Use the name in front of the slash of a model, for example openai.",
            )
        if not _KEY.fullmatch(key):
            raise BadRequestError(
                "A key is 1 to 4096 printable characters without spaces.",
                hint="Copy the key again, without quotes and line breaks.",
            )
        with self._lock:
            self._write({**self._read(), provider: key})

    def delete(self, provider: str) -> None:
        """Forget a stored key. Raises NotFoundError if none is stored, StoreError."""
        with self._lock:
            keys = self._read()
            if keys.pop(provider, None) is None:
                raise NotFoundError(
                    f"No key is stored for {provider[:64]!r}.",
                    hint="GET agent/models shows which providers have one.",
                )
            self._write(keys)

    def stored(self) -> list[str]:
        """Return the names of the providers that have a stored key."""
        return sorted(self._read())

    def sources(self) -> dict[str, Literal["stored", "environment"]]:
        """Return where the keys come from, for each provider that has one."""
        found: dict[str, Literal["stored", "environment"]] = {
            name: "environment" for name in PROVIDERS if self._in_environment(name)
        }
        found.update(dict.fromkeys(self.stored(), "stored"))
        return found

    def source(self, provider: str) -> Literal["stored", "environment"] | None:
        """Say where a provider's key comes from, None if it has none."""
        return self.sources().get(provider)

    def secret(self, provider: str) -> str | None:
        """Return the stored key, for the call to that provider and nothing else."""
        return self._read().get(provider)

    def _in_environment(self, name: str) -> bool:
        provider = PROVIDERS[name]
        return any(self.environ.get(variable) for variable in provider.env) and all(
            self.environ.get(variable) for variable in provider.also
        )

    def _read(self) -> dict[str, str]:
        try:
            with self.path.open(encoding="utf-8") as file:
                _keep_private(self.path, file.fileno())
                keys = json.load(file)
        except FileNotFoundError:
            return {}
        except OSError as e:
            raise StoreError(f"The key file cannot be read: {e.strerror}.") from e
        except ValueError:
            raise self._broken() from None  # the cause could quote a key
        if not isinstance(keys, dict) or not all(isinstance(k, str) for k in keys.values()):
            raise self._broken()
        return keys

    def _broken(self) -> StoreError:
        return StoreError(
            f"The key file {self.path.name} is damaged; it was left as it is.",
            hint="Move the file away on the server, then set the keys again.",
        )

    def _write(self, keys: Mapping[str, str]) -> None:
        temporary = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp creates the file with mode 0600
            descriptor, temporary = tempfile.mkstemp(prefix=".keys-", dir=self.path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(keys, file, indent=2, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as e:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise StoreError(f"The key file cannot be written: {e.strerror}.") from e


def _keep_private(path: Path, descriptor: int) -> None:
    if os.name != "posix" or not stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        return
    _log.warning("%s could be read by others; setting its mode to 0600", path)
    os.fchmod(descriptor, 0o600)
