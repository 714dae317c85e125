"""Who we are to NATS: a user and its key, read from files that somebody may rotate."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import TYPE_CHECKING

import nkeys  # type: ignore[import-untyped]  # the library has no types
from nats.errors import Error as NatsError

from actors.errors import SettingsError

if TYPE_CHECKING:
    from typing import Any

_JWT = re.compile(rb"-BEGIN NATS USER JWT-+\s+([\w.-]+)\s")
_SEED = re.compile(rb"\bSU[A-Z2-7]{56}\b")


class UnusableIdentityError(NatsError):
    """Raised when a file does not prove who we are, or no longer; the client tries again."""


class Identity:
    """Answers a server's challenge; never shows its seed."""

    def __init__(self, setting: str, file: str, *, has_jwt: bool) -> None:
        """Use ``file``, a credentials file or a bare NKey seed, that ``setting`` names.

        Raises ``SettingsError`` when it cannot be used.
        """
        self._setting = setting
        self._file = Path(file)
        self._has_jwt = has_jwt
        try:
            self.sign("")
            if has_jwt:
                self.jwt()
            self.public: str = self._key().public_key.decode()
        except UnusableIdentityError as error:
            raise SettingsError(str(error)) from None

    def sign(self, nonce: str) -> bytes:
        """Return the signature of a server's challenge; raises ``UnusableIdentityError``.

        The file is read anew each time, so that a rotated one needs no restart.
        """
        key = self._key()
        signature = base64.b64encode(key.sign(nonce.encode()))
        key.wipe()
        return signature

    def jwt(self) -> bytes:
        """Return what an account says of us; raises ``UnusableIdentityError``."""
        found = _JWT.search(self._read())
        if found is None:
            raise self._unusable("holds no user JWT")
        return found[1]

    def _key(self) -> Any:
        found = _SEED.search(self._read())
        if found is None:
            raise self._unusable("holds no seed of a user's NKey")
        decoded = base64.b32decode(found[0] + b"======")
        if binascii.crc_hqx(decoded[:-2], 0) != int.from_bytes(decoded[-2:], "little"):
            # The library does not look; the server would refuse us without saying why.
            raise self._unusable("holds a damaged NKey seed")
        return nkeys.from_seed(bytearray(found[0]))

    def _read(self) -> bytes:
        try:
            return self._file.read_bytes()
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from None

    def _unusable(self, why: str) -> UnusableIdentityError:
        return UnusableIdentityError(f"{self._setting}: the file {self._file} {why}")
