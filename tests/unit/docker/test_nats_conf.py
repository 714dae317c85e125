"""nats.conf, as the real server reads it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from bus.settings import BusSettings
from ops.process.embedded import find_nats_server
from tests.unit.docker.files import NATS_CONF, part

if TYPE_CHECKING:
    from pathlib import Path

OVERHEAD_BYTES = 48
"""What a stored event takes beside its body; measured, see docs/operations/sizing.md."""


def _check(configuration: Path) -> subprocess.CompletedProcess[str]:
    command = [find_nats_server(), "-t", "-c", str(configuration)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_server_accepts_the_configuration() -> None:
    """``-t`` reads it and starts nothing."""
    checked = _check(NATS_CONF)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.needs_nats_2_10  # sync_interval: always
def test_the_server_accepts_what_the_comment_advises(tmp_path: Path) -> None:
    """The commented line works once it is one."""
    advised = tmp_path / "nats.conf"
    text, lines = re.subn(
        r"# (sync_interval: always)$", r"\1", NATS_CONF.read_text(), flags=re.MULTILINE
    )
    assert lines == 1
    advised.write_text(text)
    checked = _check(advised)
    assert checked.returncode == 0, checked.stderr


def test_the_server_would_refuse_a_slip(tmp_path: Path) -> None:
    """The two tests above can fail."""
    slip = tmp_path / "nats.conf"
    slip.write_text(NATS_CONF.read_text().replace("store_dir", "store_dirr"))
    assert _check(slip).returncode != 0


def test_jetstream_keeps_its_data_in_the_volume() -> None:
    """Elsewhere it would go with the container."""
    [folder] = re.findall(r"^\s*store_dir: (\S+)$", NATS_CONF.read_text(), re.MULTILINE)
    assert any(mount.endswith(f"-data:{folder}") for mount in part("nats")["volumes"])


def test_the_history_of_an_hour_has_room() -> None:
    """At the rate that the comment names, ten times over; the page has the same figure."""
    text = NATS_CONF.read_text()
    [room_gb] = re.findall(r"^  max_file_store: (\d+)GB$", text, re.MULTILINE)
    [(rate, body, hour_gb)] = re.findall(
        r"At ([\d,]+) events/s of (\d+) bytes an hour takes ([\d.]+) GB", text
    )
    history_s = BusSettings().streams.input_history_s
    taken_gb = int(rate.replace(",", "")) * (int(body) + OVERHEAD_BYTES) * history_s / 1e9
    assert f"{taken_gb:.1f}" == hour_gb
    assert int(room_gb) > 10 * taken_gb


def test_the_health_check_asks_where_the_monitor_listens() -> None:
    """Inside the container only."""
    [address] = re.findall(r"^http: (\S+)$", NATS_CONF.read_text(), re.MULTILINE)
    assert part("nats")["healthcheck"]["test"][-1] == f"http://{address}/healthz"
