"""``--embedded``: servers of its own, which live and die with the service."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient

from ops.process.embedded import find_nats_server, nats_server, start_on_free_port
from tests.broker import connected
from tests.embedded import OWN, launch_embedded, mongodb_of, nats_of
from tests.patience import PATIENCE_S
from tests.ports import claim_port
from tests.servers import Server, running

if TYPE_CHECKING:
    from ops.process.child import ChildProcess
    from tests.deployment import Deployment
    from tests.service import ServiceProcess


def children_of(service: ServiceProcess) -> dict[str, int]:
    """Return the process ids of its children by name."""
    found: dict[str, int] = {}
    for listed in Path(f"/proc/{service.pid}/task").glob("*/children"):
        for pid in listed.read_text().split():
            found[Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
    return found


def ended(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_ended(pids: list[int], timeout_s: float = PATIENCE_S) -> None:
    """Return once all have ended."""
    give_up_at_s = time.monotonic() + timeout_s
    while not all(ended(pid) for pid in pids):
        assert time.monotonic() < give_up_at_s, f"still there: {pids}"
        time.sleep(0.02)  # they are nobody's children any more: nothing tells when they end


async def test_what_is_known_stays_over_two_runs(deployment: Deployment, tmp_path: Path) -> None:
    """The servers stop with the service; the second run tells what the first one heard."""
    first = launch_embedded(deployment, tmp_path / "data")
    children = children_of(first)
    assert sorted(children) == ["mongod", "nats-server"]
    assert "nats pub SendAlarmDigest" in first.output()
    async with connected(nats_of(first), deployment.names, mongodb_of(first)) as broker:
        await broker.event("u", "told")
        await broker.request("u")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 1
        await broker.event("u", "untold")
        await broker.settled()
    assert first.terminate() == 0
    assert all(ended(pid) for pid in children.values())
    second = launch_embedded(deployment, tmp_path / "data")
    names, uri = deployment.names, mongodb_of(second)
    async with connected(nats_of(second), names, uri) as broker:
        await broker.request("u")
        await broker.settled()
        last = (await broker.digests())[-1]
    assert b"untold" in last.data
    assert b'"told"' not in last.data
    second.signal(signal.SIGINT)
    assert second.wait() == 0


def test_what_is_to_type_next_reaches_this_service(deployment: Deployment, tmp_path: Path) -> None:
    """Also without nats-cli, and where another has the usual ports; all is well for a trial."""
    one, other = (launch_embedded(deployment, tmp_path / name) for name in ("a", "b"))
    for service in (one, other):
        exports = dict(re.findall(r"^  export (\w+)=(\S+)$", service.output(), re.MULTILINE))
        assert exports.keys() == {"NATS_URL", "MONGODB_URI"}
        sent = deployment.command("send", "digest", "2", "--wait", **exports)
        assert sent.json == {"UserID": "2", "ActiveAlarms": []}
        examined = deployment.command("doctor", "--json", **exports)
        assert (examined.status, examined.json["level"]) == (0, "note"), examined.text
        assert f"process {service.pid}" in examined.text
        (trial,) = (one for one in examined.json["findings"] if "--embedded" in one["says"])
        assert "nothing for a trial" in trial["mend"]


def test_the_servers_die_when_the_service_is_killed(deployment: Deployment, tmp_path: Path) -> None:
    """Even when it gets no chance to stop them; and the next run works on the same data."""
    service = launch_embedded(deployment, tmp_path / "data")
    children = children_of(service)
    assert sorted(children) == ["mongod", "nats-server"]
    service.kill()
    wait_until_ended(list(children.values()))
    again = launch_embedded(deployment, tmp_path / "data")
    assert again.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_was_about_to_start_is_stopped_with_the_service(
    deployment: Deployment, tmp_path: Path, number: signal.Signals
) -> None:
    """It is waited for: it may have to put its files in order. Nothing was left undone."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\ntrap 'sleep 1; exit' TERM\nwhile :; do sleep 0.05; done\n")
    slow.chmod(0o755)
    arguments = ("--embedded", "--data-dir", str(tmp_path), "--mongod-binary", str(slow))
    service = deployment.launch(*arguments, **OWN)
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not (pid := children_of(service).get("slow")):
        assert time.monotonic() < give_up_at_s
        time.sleep(0.02)  # nothing is said of it yet
    service.signal(number)
    assert service.wait() == 0
    assert ended(pid)


def test_the_service_ends_when_a_server_of_its_own_dies(
    deployment: Deployment, tmp_path: Path
) -> None:
    """With status 1: a restart cures it, and stops the other server too."""
    service = launch_embedded(deployment, tmp_path / "data", SHUTDOWN_TIMEOUT=2)
    children = children_of(service)
    os.kill(children["nats-server"], signal.SIGKILL)
    assert service.wait() == 1
    assert ended(children["mongod"])


def test_a_server_that_is_given_is_used_instead(deployment: Deployment, tmp_path: Path) -> None:
    """Be it one of two; it says so to whoever has set it for another program and forgot."""
    service = launch_embedded(deployment, tmp_path, MONGODB_URI=deployment.mongodb_uri)
    assert sorted(children_of(service)) == ["nats-server"]
    assert "MONGODB_URI is set: that server is used, none is started" in service.output()
    assert "NATS_URL is set" not in service.output()
    assert service.terminate() == 0


def test_a_data_directory_serves_one_at_a_time(deployment: Deployment, tmp_path: Path) -> None:
    """Two servers on the same files would spoil them."""
    launch_embedded(deployment, tmp_path, MONGODB_URI=deployment.mongodb_uri)
    second = deployment.launch("--embedded", "--data-dir", str(tmp_path), **OWN)
    assert second.wait() == 2
    assert "is in use by another process" in second.output()
    assert "make run JOIN=1" in second.output()


def instances_of(uri: str, database: str, count: int) -> list[dict[str, Any]]:
    """Return who is up, once there are so many."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    with MongoClient[dict[str, Any]](uri, serverMonitoringMode="poll") as client:
        while len(found := list(client[database]["instances"].find({}))) != count:
            assert time.monotonic() < give_up_at_s, found
            time.sleep(0.02)  # a database can only be polled
    return found


async def test_a_second_one_joins_the_first_in_the_same_folder(
    deployment: Deployment, tmp_path: Path
) -> None:
    """As an instance beside it, with a console of its own; it ends when the first one does."""
    first = launch_embedded(deployment, tmp_path, HTTP_ADDRESS=None)
    second = deployment.launch(
        "--embedded-join", "--data-dir", str(tmp_path), **OWN, HTTP_ADDRESS=None
    )
    second.wait_for("service.ready")
    assert children_of(second) == {}
    uri, database = mongodb_of(first), deployment.names.database
    async with connected(nats_of(first), deployment.names, uri) as broker:
        await broker.event("u", "told")
        await broker.request("u")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 1
    serving = [one.events("http.serving")[0] for one in (first, second)]
    addresses = {f"{event['host']}:{event['port']}" for event in serving}
    assert len(addresses) == 2
    assert {one["address"] for one in instances_of(uri, database, 2)} == addresses
    assert first.terminate() == 0
    assert second.wait() == 1
    assert "the service with the servers on" in second.output()


def test_two_in_different_folders_stand_alone(deployment: Deployment, tmp_path: Path) -> None:
    """Each with its servers and its console, at ports that are free."""
    one, other = (
        launch_embedded(deployment, tmp_path / name, HTTP_ADDRESS=None) for name in ("a", "b")
    )
    assert nats_of(one) != nats_of(other)
    assert mongodb_of(one) != mongodb_of(other)
    ports = {service.events("http.serving")[0]["port"] for service in (one, other)}
    assert len(ports) == 2
    for service in (one, other):
        instances_of(mongodb_of(service), deployment.names.database, 1)


def test_nobody_joins_where_nobody_runs(deployment: Deployment, tmp_path: Path) -> None:
    """Status 2, with what to start first."""
    alone = deployment.launch("--embedded-join", "--data-dir", str(tmp_path), **OWN)
    assert alone.wait() == 2
    assert "--embedded-join: no service with servers of its own runs on" in alone.output()


def test_a_server_does_not_pass_for_another_on_the_same_port(tmp_path: Path) -> None:
    """That one answers as ours would; ours has found the port taken and ends."""
    port = claim_port()
    first = nats_server(find_nats_server(), tmp_path / "first", port)
    with running(Server(first, f"nats://127.0.0.1:{port}")):
        second = nats_server(find_nats_server(), tmp_path / "second", port)
        with pytest.raises(OSError, match="nats-server did not start"):
            second.start()


def test_who_loses_a_port_to_another_takes_the_next(tmp_path: Path) -> None:
    """Two services started at once find the same port free, and one of their servers gets it."""
    quicker: list[ChildProcess] = []

    def prepare(port: int) -> ChildProcess:
        child = nats_server(find_nats_server(), tmp_path / str(port), port)
        if not quicker:
            quicker.append(nats_server(find_nats_server(), tmp_path / "quicker", port))
            quicker[0].start()
        return child

    preferred = claim_port()
    try:
        started, port = start_on_free_port(prepare, preferred)
        assert port != preferred
        assert started.running
        started.kill()
    finally:
        quicker[0].kill()


def test_what_fails_on_a_free_port_is_not_tried_on_others(tmp_path: Path) -> None:
    """A program that cannot run anywhere."""
    tried: list[int] = []

    def prepare(port: int) -> ChildProcess:
        tried.append(port)
        return nats_server("/bin/false", tmp_path, port)

    with pytest.raises(OSError, match="nats-server did not start"):
        start_on_free_port(prepare, claim_port())
    assert len(tried) == 1
