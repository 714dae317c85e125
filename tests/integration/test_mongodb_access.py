"""MongoDB with authentication and TLS: who is served, and what a refusal looks like."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient

from tests.access import refused, serves
from tests.deployment import Deployment
from tests.identities import Authority
from tests.servers import prepare_mongodb, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "hunter2-do-not-tell"


@contextmanager
def administered(url: str) -> Iterator[Any]:
    """Connect as one who may do anything."""
    client: MongoClient[dict[str, Any]] = MongoClient(url, serverMonitoringMode="poll")
    try:
        yield client
    finally:
        client.close()


def test_a_password_lets_in_and_another_does_not(tmp_path: Path, nats_url: str) -> None:
    """SCRAM; the password is in no log, whatever happens."""
    with running(prepare_mongodb(tmp_path / "mongodb", "--auth")) as server:
        with administered(server.url) as client:
            client.admin.command("createUser", "alice", pwd=PASSWORD, roles=["root"])
        ours = server.url.replace("//", f"//alice:{PASSWORD}@")
        deployment = Deployment(nats_url, ours, tmp_path)
        try:
            assert serves(deployment, MONGODB_URI=ours)
            wrong = refused(deployment, MONGODB_URI=ours.replace(PASSWORD, f"{PASSWORD}-not"))
            assert wrong == "MONGODB_URI: the server refused our credentials (code 18)"
            none = refused(deployment, MONGODB_URI=server.url)
            assert none == "MONGODB_URI: the server demands credentials (code 13)"
        finally:
            deployment.end()


async def test_a_password_that_changes_while_running_is_waited_for(
    tmp_path: Path, nats_url: str
) -> None:
    """Its sign of life is tried again, with a warning each, until the old one is right: no end."""
    mongodb = prepare_mongodb(tmp_path / "mongodb", "--auth")
    with running(mongodb) as server:
        with administered(server.url) as client:
            client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        root = server.url.replace("//", f"//root:{PASSWORD}@")
        with administered(root) as client:
            client.admin.command("createUser", "alice", pwd=PASSWORD, roles=["root"])
        deployment = Deployment(nats_url, root.replace("root", "alice"), tmp_path)
        try:
            service = deployment.start(LOG_LEVEL="debug")
            with administered(root) as client:
                client.admin.command("updateUser", "alice", pwd="another")
            server.child.stop()
            server.child.start()
            async with deployment.broker() as broker:
                await broker.event("u", "disk-full")
                await broker.request("u")
                service.wait_for_output("Authentication failed")
                with administered(root) as client:
                    client.admin.command("updateUser", "alice", pwd=PASSWORD)
                assert len((await broker.next_digest())["ActiveAlarms"]) == 1
            assert any(
                "Authentication failed" in event["error"]
                for event in service.events("home.unanswered")
            )
            assert PASSWORD not in service.output()
            assert service.terminate() == 0
        finally:
            deployment.end()


@pytest.fixture
def encrypted(tmp_path: Path, nats_url: str) -> Iterator[Deployment]:
    """A deployment on a MongoDB server that shows a certificate and wants to see one."""
    authority = Authority(tmp_path)
    Authority(tmp_path, "stranger").certify("strange")
    authority.certify("ours")
    certificate, _ = authority.certify("server")
    options = (
        "--tlsMode=requireTLS",
        f"--tlsCertificateKeyFile={certificate}",
        f"--tlsCAFile={authority.certificate}",
    )
    with running(prepare_mongodb(tmp_path / "mongodb", *options)) as server:
        deployment = Deployment(nats_url, server.url, tmp_path)
        yield deployment
        deployment.end()


def test_tls_with_a_client_certificate(encrypted: Deployment, tmp_path: Path) -> None:
    """As the URI's options have it."""
    uri = (
        f"{encrypted.mongodb_uri}/?tls=true&tlsCAFile={tmp_path}/authority.pem"
        f"&tlsCertificateKeyFile={tmp_path}/ours.pem"
    )
    assert serves(encrypted, MONGODB_URI=uri)
    untrusted = refused(encrypted, MONGODB_URI=uri.replace("authority.pem", "stranger.pem"))
    assert untrusted.startswith("MONGODB_URI: the server's certificate is not trusted")
    missing = refused(encrypted, MONGODB_URI=uri.replace("authority.pem", "nobody.pem"))
    assert missing.startswith("MONGODB_URI: what tlsCAFile or tlsCertificateKeyFile names cannot")


@pytest.mark.parametrize("shown", ["nothing", "a stranger's"])
def test_a_server_that_hangs_up_on_us_is_waited_for_with_a_hint(
    encrypted: Deployment, tmp_path: Path, shown: str
) -> None:
    """MongoDB does not say why it does; the warning names the likely reasons."""
    uri = f"{encrypted.mongodb_uri}/?tls=true&tlsCAFile={tmp_path}/authority.pem"
    if shown != "nothing":
        uri += f"&tlsCertificateKeyFile={tmp_path}/strange.pem"
    service = encrypted.launch(MONGODB_URI=f"{uri}&serverSelectionTimeoutMS=500")
    service.wait_for("store.not_ready", count=2)
    (hint,) = {
        "does one side only demand TLS" in e["error"] for e in service.events("store.not_ready")
    }
    assert hint
    assert service.terminate() == 0
