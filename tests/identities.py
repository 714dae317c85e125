"""Who is who, for servers that ask: certificates, NKeys, and an operator with its accounts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import inspect
import ipaddress
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import nkeys  # type: ignore[import-untyped]  # the library has no types
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
_PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates; its own is ``<name>.pem``."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        """Write its certificate into ``folder``, where the others go as well."""
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(self._sign(self._name, self._key))

    def certify(self, name: str) -> tuple[Path, Path]:
        """Write ``<name>.pem`` and ``<name>.key``; MongoDB wants both in the first."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, private = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        private.write_bytes(
            key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        certificate.write_bytes(self._sign(LOOPBACK, key) + private.read_bytes())
        return certificate, private

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> bytes:
        now = dt.datetime.now(dt.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        is_authority = subject == self._name
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            # Without the following three, Python 3.13 trusts no certificate (RFC 5280).
            .add_extension(_key_usage(is_authority=is_authority), critical=True)
            .add_extension(_key_id(key), critical=False)
            .add_extension(_issuer_key_id(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(_PEM)
        )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    uses = dict.fromkeys(inspect.signature(x509.KeyUsage).parameters, False)
    allowed = ("key_cert_sign", "crl_sign") if is_authority else ("digital_signature",)
    return x509.KeyUsage(**{**uses, **dict.fromkeys(allowed, True)})


def _key_id(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _issuer_key_id(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


class Identity:
    """An NKey: a seed that stays with its owner, and a public half."""

    def __init__(self, prefix: int = nkeys.PREFIX_BYTE_USER) -> None:
        """Make one; the prefix says what it is for."""
        self.seed: str = nkeys.encode_seed(secrets.token_bytes(32), prefix).decode()
        self._pair = nkeys.from_seed(bytearray(self.seed.encode()))
        self.public: str = self._pair.public_key.decode()

    def vouch(
        self, subject: str, name: str, claims: dict[str, Any], for_s: int | None = None
    ) -> str:
        """Return a JWT in which this identity vouches for another, as nats-server reads it.

        For ever, or for so many seconds.
        """
        payload: dict[str, Any] = {
            "iat": int(time.time()),
            "iss": self.public,
            "name": name,
            "sub": subject,
            "nats": {**claims, "version": 2},
        }
        if for_s is not None:
            payload["exp"] = payload["iat"] + for_s
        digest = hashlib.sha256(json.dumps(payload).encode()).digest()
        payload["jti"] = base64.b32encode(digest).decode().rstrip("=")
        signed = f"{_encode({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_encode(payload)}"
        return f"{signed}.{_base64(self._pair.sign(signed.encode()))}"


class Operator:
    """A server's operator with one account for users and one for the system."""

    def __init__(self) -> None:
        """Make them."""
        self._operator = Identity(nkeys.PREFIX_BYTE_OPERATOR)
        self._account = Identity(nkeys.PREFIX_BYTE_ACCOUNT)
        self._system = Identity(nkeys.PREFIX_BYTE_ACCOUNT)

    def configuration(self) -> str:
        """Return what a server needs to know of them."""
        system = self._system.public
        operator = self._operator.vouch(
            self._operator.public, "operator", {"type": "operator", "system_account": system}
        )
        unlimited = dict.fromkeys(["subs", "data", "payload", "imports", "exports", "conn"], -1)
        storage = dict.fromkeys(["mem_storage", "disk_storage", "streams", "consumer"], -1)
        accounts = {
            self._account.public: {**unlimited, **storage, "wildcards": True},
            system: {**unlimited, "wildcards": True},
        }
        vouched = {
            public: self._operator.vouch(public, "account", {"type": "account", "limits": limits})
            for public, limits in accounts.items()
        }
        return (
            f"operator: {operator}\nsystem_account: {system}\n"
            f"resolver: MEMORY\nresolver_preload: {json.dumps(vouched)}\n"
        )

    def credentials(self, file: Path, for_s: int | None = None) -> None:
        """Write the credentials of a new user of the account."""
        user = Identity()
        unlimited = dict.fromkeys(["subs", "data", "payload"], -1)
        jwt = self._account.vouch(user.public, "user", {**unlimited, "type": "user"}, for_s)
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )


def _encode(claims: dict[str, Any]) -> str:
    return _base64(json.dumps(claims).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
