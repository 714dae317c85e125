"""Ways to reach a NATS server and to prove who we are; what a refusal looks like."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import urlopen

import pytest

from tests.access import guarded, refused, serves
from tests.deployment import Deployment
from tests.identities import Authority, Identity, Operator
from tests.ports import claim_port
from tests.probes import ANY_PORT, monitoring
from tests.servers import prepare_nats, prepare_nats_tls_first, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "only-those-who-know-it-may-come-in"
CREDENTIALS_REFUSED = "NATS_URL: the server refused our credentials; see "


class Case(NamedTuple):
    """A server that asks, what it takes, and what it does not."""

    configuration: str
    good: dict[str, object]
    bad: dict[str, dict[str, object]]
    complaint: str = CREDENTIALS_REFUSED


def with_a_token(folder: Path) -> Case:
    """One that all who may come in know."""
    del folder
    bad: dict[str, dict[str, object]] = {"another": {"NATS_TOKEN": "x" * 40}, "none": {}}
    return Case(f'authorization {{ token: "{TOKEN}" }}\n', {"NATS_TOKEN": TOKEN}, bad)


def with_an_nkey(folder: Path) -> Case:
    """The seed stays in its file; the server knows the public half only."""
    ours, strangers = Identity(), Identity()
    for name, identity in (("ours", ours), ("strangers", strangers)):
        (folder / f"{name}.nk").write_text(f"{identity.seed}\n")
    return Case(
        f"authorization {{ users: [ {{ nkey: {ours.public} }} ] }}\n",
        {"NATS_NKEY_SEED": folder / "ours.nk"},
        {"a stranger's": {"NATS_NKEY_SEED": folder / "strangers.nk"}, "none": {}},
    )


def with_credentials(folder: Path) -> Case:
    """An account vouches for us, and the operator for the account."""
    operator = Operator()
    operator.credentials(folder / "ours.creds")
    Operator().credentials(folder / "strangers.creds")
    return Case(
        operator.configuration(),
        {"NATS_CREDENTIALS": folder / "ours.creds"},
        {"a stranger's": {"NATS_CREDENTIALS": folder / "strangers.creds"}, "none": {}},
    )


def with_a_certificate(folder: Path) -> Case:
    """Server and client show one; both want them signed by the same authority."""
    authority = Authority(folder)
    server, server_key = authority.certify("server")
    ours, our_key = authority.certify("ours")
    strange, strange_key = Authority(folder, "stranger").certify("strange")
    trusted = {"NATS_TLS_CA": authority.certificate}
    return Case(
        f'tls {{ cert_file: "{server}", key_file: "{server_key}", '
        f'ca_file: "{authority.certificate}", verify: true }}\n',
        {**trusted, "NATS_TLS_CERT": ours, "NATS_TLS_KEY": our_key},
        {
            "none": {**trusted},
            "a stranger's": {**trusted, "NATS_TLS_CERT": strange, "NATS_TLS_KEY": strange_key},
        },
        "NATS_TLS_CERT: the server refused our certificate, or demands one: ",
    )


@pytest.mark.parametrize(
    "case",
    [with_a_token, with_an_nkey, with_credentials, with_a_certificate],
    ids=lambda case: case.__name__,
)
def test_who_proves_to_be_us_is_served_and_nobody_else(
    tmp_path: Path, mongodb_uri: str, case: Callable[[Path], Case]
) -> None:
    """End to end; refusals are one line and status 2, and no secret is ever written."""
    configuration, good, bad, complaint = case(tmp_path)
    with guarded(tmp_path, mongodb_uri, configuration) as (_, deployment):
        assert serves(deployment, None, **good)
        for settings in bad.values():
            assert refused(deployment, **settings).startswith(complaint)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("NATS_CREDENTIALS", "", "holds no seed of a user's NKey"),
        ("NATS_CREDENTIALS", "disk full", "holds no seed of a user's NKey"),
        ("NATS_CREDENTIALS", f"-----BEGIN USER NKEY SEED-----\n{Identity().seed}", "no user JWT"),
        ("NATS_NKEY_SEED", "\0\xff", "holds no seed of a user's NKey"),
        ("NATS_NKEY_SEED", "SU" + "A" * 56, "holds a damaged NKey seed"),
        ("NATS_TLS_CA", "disk full", "cannot be used"),
    ],
    # A random seed in a test's name would be another in each process that collects the tests.
    ids=["empty", "no credentials", "no JWT", "no text", "no seed", "no certificate"],
)
def test_a_file_that_proves_nothing_is_a_wrong_setting(
    deployment: Deployment, tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    """One line names the setting and the file, and shows nothing of what is in it."""
    file = tmp_path / "file"
    file.write_text(text)
    line = refused(deployment, **{name: file})
    assert line.startswith(f"{name}: ")
    assert complaint in line
    assert str(file) in line


def test_a_key_that_is_not_the_certificates_is_a_wrong_setting(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Found before anything is said to a server."""
    authority = Authority(tmp_path)
    certificate, _ = authority.certify("one")
    _, key = authority.certify("other")
    line = refused(deployment, NATS_TLS_CERT=certificate, NATS_TLS_KEY=key)
    assert line.startswith("NATS_TLS_CERT: ")


def test_a_server_that_nobody_vouches_for_is_not_talked_to(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """Its certificate is signed by another authority than the one to trust."""
    case = with_a_certificate(tmp_path)
    with guarded(tmp_path, mongodb_uri, case.configuration) as (_, deployment):
        line = refused(deployment, **{**case.good, "NATS_TLS_CA": tmp_path / "stranger.pem"})
    assert line.startswith("NATS_TLS_CA: the server's certificate is not trusted: ")


@pytest.mark.parametrize("demand", ["a tls URL", "an authority"])
async def test_nothing_is_said_to_a_server_that_offers_no_tls(
    deployment: Deployment, tmp_path: Path, demand: str
) -> None:
    """Whoever sits between could take the offer out of the greeting, and be told the password."""
    said = b""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","auth_required":true}\r\n')
        said += await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings: dict[str, Any] = {"NATS_URL": f"tls://127.0.0.1:{port}", "NATS_TOKEN": TOKEN}
        if demand == "an authority":
            authority = Authority(tmp_path).certificate
            settings |= {"NATS_URL": f"nats://127.0.0.1:{port}", "NATS_TLS_CA": authority}
        line = await asyncio.to_thread(refused, deployment, **settings)
    assert line.startswith("NATS_URL: the server offers no TLS")
    assert said == b""


def test_tls_is_used_where_the_server_only_offers_it(tmp_path: Path, mongodb_uri: str) -> None:
    """nats-py by itself encrypts only where a server insists."""
    port = claim_port()
    configuration = f"{with_a_certificate(tmp_path).configuration.replace('true', 'false')}"
    configuration += f"allow_non_tls: true\nhttp: 127.0.0.1:{port}\n"
    with guarded(tmp_path, mongodb_uri, configuration) as (_, deployment):
        service = deployment.start(NATS_TLS_CA=tmp_path / "authority.pem")
        with urlopen(f"http://127.0.0.1:{port}/connz") as answer:
            connections = json.load(answer)["connections"]
        assert [connection.get("tls_version") for connection in connections] == ["1.3"]
        assert service.terminate() == 0


async def test_credentials_that_change_while_running_are_waited_for(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """A server that takes another password from now on: a warning each time it refuses, no end.

    Secrets are changed on one side first; what comes meanwhile waits in the stream.
    """
    ours = f'authorization {{ user: alice, password: "{TOKEN}" }}\n'
    settings: dict[str, Any] = {"NATS_USER": "alice", "NATS_PASSWORD": TOKEN}
    with guarded(tmp_path, mongodb_uri, ours) as (server, deployment):
        service = deployment.start(LOG_LEVEL="debug", **settings)
        configuration = tmp_path / "nats" / "nats.conf"
        configuration.write_text(ours.replace(TOKEN, "another"))
        server.child.signal(signal.SIGHUP)
        service.wait_for("nats.refused", count=2)
        server.child.stop()
        configuration.write_text(ours)
        server.child.start()
        service.wait_for("nats.reconnected")
        refusals = service.events("nats.refused")
        assert {event["level"] for event in refusals} == {"warning"}
        assert all(event["error"].startswith(CREDENTIALS_REFUSED) for event in refusals)
        assert TOKEN not in service.output()
        assert service.terminate() == 0
        assert serves(deployment, **settings)


def test_expired_credentials_are_renewed_in_their_file_without_a_restart(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """The server hangs up when they expire; one that is half written is waited for as well."""
    operator, file = Operator(), tmp_path / "ours.creds"
    operator.credentials(file, for_s=8)
    with guarded(tmp_path, mongodb_uri, operator.configuration()) as (_, deployment):
        service = deployment.start(LOG_LEVEL="debug", NATS_CREDENTIALS=file)
        service.wait_for("nats.refused", count=2)
        file.write_text(file.read_text()[:200])
        before = len(service.events("nats.refused"))
        service.wait_for("nats.refused", before + 2)
        operator.credentials(file)
        service.wait_for("nats.reconnected")
        first, *_, last = (event["error"] for event in service.events("nats.refused"))
        assert first.startswith(CREDENTIALS_REFUSED)
        assert last.startswith(f"NATS_CREDENTIALS: the file {file} holds no ")
        assert service.terminate() == 0


def test_one_of_several_servers_is_enough(deployment: Deployment) -> None:
    """Those that do not answer are passed over."""
    urls = f"nats://127.0.0.1:{claim_port()}, {deployment.nats_url}"
    assert serves(deployment, NATS_URL=urls)


async def test_a_tls_first_server_is_reached_by_its_setting_which_a_hint_names(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """It greets nobody in clear text; whoever waits for a greeting waits for ever."""
    authority = Authority(tmp_path)
    certificate, key = authority.certify("server")
    files = f'cert_file: "{certificate}", key_file: "{key}"'
    server = prepare_nats_tls_first(tmp_path / "nats", f"tls {{ {files}, handshake_first: true }}")
    with running(server):
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        try:
            settings: dict[str, Any] = {"NATS_TLS_CA": authority.certificate}
            waits = deployment.launch(**settings, HTTP_ADDRESS=ANY_PORT)
            waits.wait_for("nats.error")
            async with monitoring(waits) as probes:
                _, checks = await probes.probe("/readyz")
            assert "NATS_TLS_FIRST=on" in waits.events("nats.error")[0]["error"]
            assert "NATS_TLS_FIRST=on" in checks["nats"]
            assert waits.terminate() == 0
            assert serves(deployment, **settings, NATS_TLS_FIRST="on")
        finally:
            deployment.end()


UNKNOWN = "no-such-host.invalid"


@pytest.mark.parametrize(
    ("settings", "check", "where"),
    [
        ({"NATS_URL": f"nats://{UNKNOWN}:4222"}, "nats", f"{UNKNOWN}:4222"),
        ({"NATS_URL": f"ws://{UNKNOWN}:80"}, "nats", f"{UNKNOWN}:80"),
        ({"MONGODB_URI": f"mongodb://{UNKNOWN}:27017/?%s"}, "mongodb", f"{UNKNOWN}:27017"),
        (
            {"MONGODB_URI": f"mongodb://127.0.0.1:1,{UNKNOWN}:27018/?replicaSet=rs&%s"},
            "mongodb",
            f"{UNKNOWN}:27018",
        ),
    ],
    ids=["nats", "websocket", "mongodb", "replica set"],
)
async def test_a_name_that_does_not_resolve_is_named(
    deployment: Deployment, settings: dict[str, str], check: str, where: str
) -> None:
    """In the log, by readiness and by doctor: of several URLs, one may be mistyped."""
    given: dict[str, Any] = {
        name: text.replace("%s", "serverSelectionTimeoutMS=300") for name, text in settings.items()
    }
    service = deployment.launch(**given, HTTP_ADDRESS=ANY_PORT)
    service.wait_for("nats.error" if check == "nats" else "store.not_ready")
    async with monitoring(service) as probes:
        _, checks = await probes.probe("/readyz")
    assert where in checks[check]
    assert f"{checks['phase']}" == "starting"
    found = deployment.command("doctor", "--json", **given).json["findings"]
    [away] = [one for one in found if one["level"] == "away"]
    assert away["about"] == check
    assert where in away["says"]


def test_what_goes_wrong_with_a_websocket_is_said_in_our_words(
    deployment: Deployment, tmp_path: Path
) -> None:
    """The library's speak of ``ssl:default`` where nothing is encrypted, and quote all that came.

    A certificate that is not trusted was a traceback for each attempt, and never a wrong setting.
    """
    certificate, key = Authority(tmp_path).certify("server")
    port = claim_port()
    configuration = (
        f'websocket {{ host: "127.0.0.1", port: {port}, '
        f'tls {{ cert_file: "{certificate}", key_file: "{key}" }} }}'
    )
    errors: list[str] = []
    with running(prepare_nats(tmp_path / "nats", configuration)):
        for url in (
            f"ws://127.0.0.1:{claim_port()}",
            deployment.nats_url.replace("nats://", "ws://"),
            f"ws://127.0.0.1:{port}",
        ):
            service = deployment.launch(NATS_URL=url)
            service.wait_for("nats.error")
            errors.append(service.events("nats.error")[0]["error"])
            assert service.terminate() == 0
        untrusted = refused(deployment, NATS_URL=f"wss://127.0.0.1:{port}")
        assert serves(
            deployment,
            NATS_URL=f"wss://127.0.0.1:{port}",
            NATS_TLS_CA=tmp_path / "authority.pem",
        )
    nobody, plain, encrypted = errors
    assert "Connect call failed" in nobody
    assert "is that a NATS port (nats://)?" in plain
    assert "is that a wss:// port?" in encrypted
    assert "ssl:" not in " ".join(errors)
    assert untrusted.startswith("NATS_TLS_CA: the server's certificate is not trusted")
