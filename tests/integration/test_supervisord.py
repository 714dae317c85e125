"""The supervisord program as it is: three instances on one machine that share the users out."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from tests.patience import PATIENCE_S
from tests.ports import claim_port
from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.deployment import Deployment

FILE = ROOT / "deploy" / "supervisord" / "alarm-digest.conf"
COUNT = 3


def free_range() -> int:
    """Return the first of three ports in a row that nothing uses."""
    while True:
        first = claim_port()
        with ExitStack() as taken:
            try:
                for port in range(first, first + COUNT):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
        return first


def configuration_of(folder: Path, settings: dict[str, object], first: int) -> str:
    """Return the file, but for paths, user, ports, and where the servers are."""
    text = FILE.read_text().replace("/opt/alarm-digest/.venv/bin/python", sys.executable)
    text = text.replace("/opt/alarm-digest", str(ROOT)).replace("user=alarm-digest\n", "")
    text = text.replace("/var/log/supervisor", str(folder))
    text = text.replace("numprocs_start=8080", f"numprocs_start={first}")
    given = ",".join(f'{name}="{value}"' for name, value in settings.items())
    text, found = re.subn(r'NATS_URL="[^"]*",MONGODB_URI="[^"]*"', given, text)
    assert found == 1
    return f"[supervisord]\nnodaemon=true\nuser=root\n{text}"


def until(condition: Callable[[], bool], said: Callable[[], str]) -> None:
    """Return once it holds."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at_s, said()
        time.sleep(0.05)  # other programs can only be polled


def ready(port: int) -> bool:
    """Whether the instance at that port takes messages."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_three_instances_share_the_partitions_and_free_them_when_stopped(
    deployment: Deployment, tmp_path: Path
) -> None:
    """21, 21 and 22; each answers at its own port, which the others are told."""
    first = free_range()
    settings = deployment.names.settings(deployment.nats_url, deployment.mongodb_uri)
    del settings["HTTP_ADDRESS"]
    configuration, log = tmp_path / "supervisord.conf", tmp_path / "supervisord.log"
    configuration.write_text(configuration_of(tmp_path, settings, first))
    options = ["-c", str(configuration), "-l", str(log), "-j", str(tmp_path / "pid")]
    command = [sys.executable, "-m", "supervisor.supervisord", *options]
    with (
        deployment.collection("partitions") as partitions,
        deployment.collection("instances") as instances,
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as supervisord,
    ):

        def shares() -> list[int]:
            found = partitions.aggregate([{"$group": {"_id": "$home", "count": {"$sum": 1}}}])
            return sorted(one["count"] for one in found)

        def said() -> str:
            texts = [file.read_text()[-2000:] for file in tmp_path.glob("*.log")]
            return "\n".join([f"{shares()}", *texts])

        try:
            until(lambda: all(ready(port) for port in range(first, first + COUNT)), said)
            until(lambda: shares() == [21, 21, 22], said)
            addresses = {one["address"] for one in instances.find({})}
            assert addresses == {f"127.0.0.1:{port}" for port in range(first, first + COUNT)}
        finally:
            supervisord.terminate()
            supervisord.wait(PATIENCE_S)
        assert [one for one in partitions.find({}) if one["home"] is not None] == []
    stopped = re.findall(r"stopped: (\S+) \(exit status 0\)", log.read_text())
    assert sorted(stopped) == [f"alarm-digest-{port}" for port in range(first, first + COUNT)]
