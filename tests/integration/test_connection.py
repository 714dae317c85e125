"""Ways to reach a NATS server and to prove who we are."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from typing import TYPE_CHECKING

import nkeys  # type: ignore[import-untyped]  # the library has no types
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ops.embedded import free_port
from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "only-those-who-know-it-may-come-in"
AUTHORITY = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
LOOPBACK = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])


def certify(folder: Path, name: str, signer: ec.EllipticCurvePrivateKey) -> None:
    """Write ``<name>.pem`` and ``<name>.key``, signed by the authority's key."""
    is_authority = name == "authority"
    key = signer if is_authority else ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(AUTHORITY if is_authority else LOOPBACK)
        .issuer_name(AUTHORITY)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def serves(deployment: Deployment, **settings: object) -> bool:
    """Whether service and tools get through with these settings."""
    service = deployment.start(**settings)
    sent = deployment.launch("send", "alarm", "u", "disk-full", "WARNING", **settings)
    assert sent.wait(15) == 0, sent.output()
    asked = deployment.launch("send", "digest", "u", **settings)
    assert asked.wait(15) == 0, asked.output()
    service.wait_for("digest.published")
    return service.terminate() == 0


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with an authority, and pairs for server and client that it signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    for name in ("authority", "server", "client"):
        certify(tmp_path, name, key)
    return tmp_path


def test_tls_with_a_client_certificate(certificates: Path, mongodb_uri: str) -> None:
    """Who has none does not get in; a server that nobody vouches for is not talked to."""
    configuration = (
        f'tls {{ cert_file: "{certificates}/server.pem", key_file: "{certificates}/server.key", '
        f'ca_file: "{certificates}/authority.pem", verify: true }}\n'
    )
    with running(prepare_nats(certificates / "nats", configuration)) as server:
        deployment = Deployment(server.url.replace("nats://", "tls://"), mongodb_uri, certificates)
        try:
            authority = {"NATS_TLS_CA": certificates / "authority.pem"}
            pair = {
                "NATS_TLS_CERT": certificates / "client.pem",
                "NATS_TLS_KEY": certificates / "client.key",
            }
            assert serves(deployment, **authority, **pair)
            unknown = deployment.launch(**authority)
            unknown.wait_for("nats.error", count=2)
            assert unknown.events("nats.connected") == []
            assert unknown.terminate() == 0
            distrustful = deployment.launch(**pair)
            assert distrustful.wait(15) == 1
            (failure,) = distrustful.events("service.failed")
            assert "certificate is not trusted" in failure["reason"]
        finally:
            deployment.end()


def test_a_token(tmp_path: Path, mongodb_uri: str) -> None:
    """As one way of four to prove who we are."""
    configuration = f'authorization {{ token: "{TOKEN}" }}\n'
    with running(prepare_nats(tmp_path / "nats", configuration)) as server:
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        try:
            assert serves(deployment, NATS_TOKEN=TOKEN)
        finally:
            deployment.end()


def test_an_nkey(tmp_path: Path, mongodb_uri: str) -> None:
    """The seed stays in its file; the server knows the public half only."""
    seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    file = tmp_path / "user.nk"
    file.write_bytes(seed)
    public = nkeys.from_seed(seed).public_key.decode()
    configuration = f"authorization {{ users: [ {{ nkey: {public} }} ] }}\n"
    with running(prepare_nats(tmp_path / "nats", configuration)) as server:
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        try:
            assert serves(deployment, NATS_NKEY_SEED=file)
        finally:
            deployment.end()


def test_one_of_several_servers_is_enough(deployment: Deployment) -> None:
    """Those that do not answer are passed over."""
    urls = f"nats://127.0.0.1:{free_port()}, {deployment.nats_url}"
    assert serves(deployment, NATS_URL=urls)
