"""Who we are, read from files: what is taken, what is not, and that nothing of it is shown."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from actors.errors import SettingsError
from bus.connection.identity import Identity, UnusableIdentityError
from tests import identities

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the secret is."""
    return tmp_path / "secret"


def verified(public: str, nonce: str, signature: bytes) -> bool:
    """Whether the owner of the public key has signed."""
    # One byte says what kind of key it is, two check the rest.
    raw = base64.b32decode(public)[1:-2]
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(base64.b64decode(signature), nonce.encode())
    except InvalidSignature:
        return False
    return True


def test_a_seed_signs_what_the_server_asks(file: Path) -> None:
    """Alone in its file, or among comments."""
    owner = identities.Identity()
    for text in (owner.seed, f"# key of the alarm digest\n{owner.seed}\n"):
        file.write_text(text)
        identity = Identity("NATS_NKEY_SEED", str(file), has_jwt=False)
        assert identity.public == owner.public
        assert verified(owner.public, "nonce", identity.sign("nonce"))
        assert not verified(owner.public, "another", identity.sign("nonce"))


def test_credentials_are_read_anew_for_each_connection(file: Path) -> None:
    """Rotated, they need no restart; half written, they are an error that may pass."""
    operator = identities.Operator()
    operator.credentials(file)
    identity = Identity("NATS_CREDENTIALS", str(file), has_jwt=True)
    before = identity.jwt()
    assert before in file.read_bytes()
    operator.credentials(file)
    assert identity.jwt() != before
    assert identity.jwt() in file.read_bytes()
    file.write_text("-----BEGIN NATS USER JWT-----\n")
    for read in (identity.jwt, lambda: identity.sign("nonce")):
        with pytest.raises(UnusableIdentityError, match=r"^NATS_CREDENTIALS: the file "):
            read()
    file.unlink()
    with pytest.raises(UnusableIdentityError, match="cannot be read"):
        identity.jwt()


def test_a_mistyped_seed_is_found_out_and_not_shown(file: Path) -> None:
    """By the check sum that is in it."""
    seed = identities.Identity().seed
    mistyped = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    file.write_text(mistyped)
    with pytest.raises(SettingsError, match="holds a damaged NKey seed") as error:
        Identity("NATS_NKEY_SEED", str(file), has_jwt=False)
    assert mistyped not in f"{error.value!r}"


def test_an_identity_does_not_show_its_seed(file: Path) -> None:
    """Whatever prints it."""
    seed = identities.Identity().seed
    file.write_text(seed)
    identity = Identity("NATS_NKEY_SEED", str(file), has_jwt=False)
    assert seed not in f"{identity!r}{vars(identity)}"
