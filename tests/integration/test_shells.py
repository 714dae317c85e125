"""The commands under shells as they are: output closed, full, unread, or of few characters."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest

from tests.forking import fork_server
from tests.patience import PATIENCE_S
from tests.servers import prepare_nats, running
from tests.service import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment import Deployment
    from tests.forking import Forked

PRINTING = ("user list", "dead-letters list", "doctor --json", "members", "history u", "--help")
"""Commands that print something, where there is something."""
FOREIGN = "Zoë"
UNREAD = 141
PIPE_BYTES = 4096


class Complaint(NamedTuple):
    """How a command has ended."""

    status: int
    said: str


def settings_of(deployment: Deployment) -> dict[str, object]:
    """Return what a command must be given to find the deployment."""
    return deployment.names.settings(deployment.nats_url, deployment.mongodb_uri)


@contextmanager
def begun(
    deployment: Deployment, line: str, stdout: IO[bytes], stderr: IO[bytes]
) -> Iterator[Forked]:
    """Start a command with these for its output."""
    command = [str(ROOT / "main.py"), *line.split()]
    with Path(os.devnull).open("rb") as nothing:
        files = (nothing, stdout, stderr)
        process = fork_server().start(command, environment(settings_of(deployment)), files)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def printed_to(deployment: Deployment, line: str, stdout: IO[bytes]) -> Complaint:
    """Run a command to its end with this for its standard output."""
    with TemporaryFile() as stderr, begun(deployment, line, stdout, stderr) as process:
        status = process.wait(PATIENCE_S)
        stderr.seek(0)
        return Complaint(status, stderr.read().decode())


def in_shell(deployment: Deployment, line: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``main.py`` by an interpreter of its own; ``line`` goes on in the shell's words."""
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'main.py'))}"
    return subprocess.run(
        ["/bin/sh", "-c", f"{program} {line}"],
        env=environment({**settings_of(deployment), **more}),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )


def until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up_at_s
        time.sleep(0.01)  # a file can only be polled


@contextmanager
def unread_pipe() -> Iterator[IO[bytes]]:
    """A pipe that is full, and that nobody reads."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.write(writing, bytes(PIPE_BYTES))
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as full:
        yield full


@pytest.fixture
def peopled(deployment: Deployment) -> Deployment:
    """A deployment with a user, and with a dead letter."""
    deployment.start()
    assert deployment.command("send", "digest", "u", "--wait").status == 0
    assert deployment.command("send", "alarm", "u", "a", "WARNING", "--changed-at", "x").status == 0
    until(lambda: bool(deployment.command("dead-letters", "list", "--json").stdout))
    return deployment


def test_output_that_has_no_room_is_one_line_and_status_1(peopled: Deployment) -> None:
    """What was to be printed is on no disk: it must not look done."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        for line in PRINTING:
            ended = printed_to(peopled, line, full)
            assert ended == (1, "main.py: standard output: No space left on device\n"), line


def test_whoever_has_read_enough_ends_a_command_quietly(peopled: Deployment) -> None:
    """As ``head`` does."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        for line in PRINTING:
            assert printed_to(peopled, line, pipe) == (UNREAD, ""), line


async def test_watching_ends_quietly_with_whoever_read_it(deployment: Deployment) -> None:
    """``watch | head -1``; once what it could not print was lost without a word, for ever."""
    deployment.start()
    reading, writing = os.pipe()
    with ExitStack() as opened:
        stderr = opened.enter_context(TemporaryFile())
        lines = opened.enter_context(os.fdopen(reading, "rb"))
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            process = opened.enter_context(begun(deployment, "watch", pipe, stderr))
        until(lambda: os.fstat(stderr.fileno()).st_size > 0)
        async with deployment.broker() as broker:
            await broker.request("u")
            assert json.loads(lines.readline()) == {"UserID": "u", "ActiveAlarms": []}
            lines.close()
            await broker.request("u")
            await broker.settled()
        assert process.wait(PATIENCE_S) == UNREAD
        stderr.seek(0)
        assert stderr.read() == b"watching for digests, Ctrl-C ends\n"


def test_what_standard_error_does_not_take_does_no_harm(peopled: Deployment) -> None:
    """The status is as it would be."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        for line in (*PRINTING, "user"):
            # The doctor finds what a test's server may lose.
            status = {"user": 2, "doctor --json": 1}.get(line, 0)
            with TemporaryFile() as stdout, begun(peopled, line, stdout, full) as process:
                assert process.wait(PATIENCE_S) == status, line
                assert (os.fstat(stdout.fileno()).st_size > 0) is (line != "user"), line


def test_streams_that_are_closed_are_no_traceback(peopled: Deployment) -> None:
    """A socket that got their number would be written to."""
    ended = in_shell(peopled, "user list >&-")
    assert ended.returncode == 1
    assert ended.stderr == b"main.py: standard output: Bad file descriptor\n"
    assert in_shell(peopled, "user list >&- 2>&- <&-").returncode == 1
    assert in_shell(peopled, "members 2>&- <&- >/dev/null").returncode == 0


def test_a_service_without_streams_serves(deployment: Deployment, tmp_path: Path) -> None:
    """Closed, or full: what it says of its servers is for whoever reads it, and nobody must."""
    heartbeat = tmp_path / "heartbeat"
    given = {**settings_of(deployment), "HEARTBEAT_FILE": heartbeat}
    del given["NATS_URL"]
    line = f"main.py --embedded --data-dir {shlex.quote(str(tmp_path / 'data'))}"
    for streams in (">&- 2>&- <&-", ">/dev/full 2>/dev/full"):
        service = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {shlex.quote(sys.executable)} {line} {streams}"],
            env=environment(given),
            cwd=ROOT,
        )
        try:
            until(heartbeat.exists)
            service.terminate()
            assert service.wait(PATIENCE_S) == 0
        finally:
            service.kill()
            service.wait()
        heartbeat.unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("line", ["user list", "dead-letters list", "watch"])
async def test_a_signal_ends_who_waits_for_a_reader(
    peopled: Deployment, line: str, number: signal.Signals
) -> None:
    """Also inside the event loop, where Python's own handler would wait for the task."""
    with unread_pipe() as full, TemporaryFile() as stderr:
        with begun(peopled, line, full, stderr) as process:
            if line == "watch":
                until(lambda: os.fstat(stderr.fileno()).st_size > 0)
                async with peopled.broker() as broker:
                    await broker.request("u")
                    await broker.settled()
            until(lambda: waits_for_a_reader(process.pid))
            process.send_signal(number)
            expected = 143 if number == signal.SIGTERM else 0 if line == "watch" else 1
            assert process.wait(PATIENCE_S) == expected
        stderr.seek(0)
        assert b"Traceback" not in stderr.read()


def waits_for_a_reader(pid: int) -> bool:
    """Whether one of its threads stands in a write to a pipe."""
    threads = Path(f"/proc/{pid}/task").glob("*/wchan")
    return any("pipe_w" in wchan.read_text() for wchan in threads)


async def test_what_was_watched_is_in_the_file_when_it_is_ended(deployment: Deployment) -> None:
    """Each line as it comes, whatever ends it."""
    deployment.start()
    with TemporaryFile() as stdout, TemporaryFile() as stderr:
        with begun(deployment, "watch", stdout, stderr) as process:
            until(lambda: os.fstat(stderr.fileno()).st_size > 0)
            async with deployment.broker() as broker:
                for user in "ab":
                    await broker.request(user)
                await broker.settled()
            until(lambda: os.fstat(stdout.fileno()).st_size > 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 143
        stdout.seek(0)
        assert {json.loads(line)["UserID"] for line in stdout} == {"a", "b"}


def test_who_watches_is_told_of_what_he_does_not_see(
    deployment: Deployment, tmp_path: Path
) -> None:
    """What is published while the connection is away comes to nobody."""
    with running(prepare_nats(tmp_path / "nats")) as server:
        deployment.nats_url = server.url
        with TemporaryFile() as stdout, TemporaryFile() as stderr:
            with begun(deployment, "watch", stdout, stderr) as process:
                until(lambda: os.fstat(stderr.fileno()).st_size > 0)
                said = os.fstat(stderr.fileno()).st_size
                server.child.stop()
                until(lambda: os.fstat(stderr.fileno()).st_size > said)
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE_S) == 0
            stderr.seek(0)
            assert b"the connection is lost" in stderr.read().splitlines()[-1]


async def test_what_an_output_cannot_hold_is_escaped(deployment: Deployment) -> None:
    """JSON stays equal in meaning, a table stays legible, and no digest is left out."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.event(FOREIGN, "🔥")
        await broker.settled()
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    told = in_shell(deployment, f"send digest {FOREIGN} --wait", **ascii_only)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.decode("ascii"))["ActiveAlarms"][0]["AlarmID"] == "🔥"
    listed = in_shell(deployment, "user list", **ascii_only)
    assert b"Zo\\u00eb" in listed.stdout
    assert listed.returncode == 0
    sent = in_shell(deployment, f"send alarm {FOREIGN} a CLEARED", **ascii_only)
    assert (sent.returncode, b"Zo\\u00eb" in sent.stderr) == (0, True)


@pytest.mark.parametrize(
    ("line", "variable", "named"),
    [
        (["send", "digest", "\udcff"], None, "argument 3"),
        (["--nats-password", "\udcff"], None, "argument 2"),
        (["user", "list"], "NATS_PASSWORD", "NATS_PASSWORD"),
        (["user", "list"], "NATS_URL", "NATS_URL"),
        ([], "DATA_DIR", "DATA_DIR"),
    ],
)
def test_what_is_given_and_is_not_utf_8_is_one_line_and_status_2(
    deployment: Deployment, line: list[str], variable: str | None, named: str
) -> None:
    """The line names it, and does not repeat what may be a secret."""
    more = {} if variable is None else {variable: "x\udcff"}
    ended = deployment.command(*line, **more)
    assert (ended.status, ended.stdout) == (2, b"")
    assert ended.stderr == f"main.py: {named}: is not UTF-8\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dead-letters list", "there are no dead letters\n"),
        ("dead-letters list --by-reason", "there are no dead letters\n"),
        ("dead-letters list --reason x", "no dead letter fits\n"),
        ("user list", "no users are stored\npage 1, 0 of 0 stored users; 0 in memory\n"),
        ("user list --page 2", "no more\npage 2, 0 of 0 stored users; 0 in memory\n"),
        ("user list --live", "no users are in memory\npage 1, 0 users; 0 in memory\n"),
    ],
)
def test_a_list_of_nothing_says_so(deployment: Deployment, line: str, said: str) -> None:
    """Which is no data: a machine reads nothing."""
    deployment.start()
    ended = deployment.command(*line.split())
    assert (ended.status, ended.text, ended.stderr) == (0, "", said)
    assert deployment.command(*line.split(), "--json").stdout == b""


@pytest.mark.parametrize("group", ["user", "send", "dead-letters"])
def test_a_group_alone_shows_its_help(deployment: Deployment, group: str) -> None:
    """Once it was all of it on one line."""
    ended = deployment.command(group)
    assert (ended.status, ended.text) == (2, "")
    assert ended.stderr == deployment.command(group, "--help").text


def test_an_empty_log_has_nothing_of_a_user(deployment: Deployment) -> None:
    """Once it waited for the first message, and said that NATS does not answer."""
    deployment.start()
    ended = deployment.command("history", "nobody")
    assert (ended.status, ended.text) == (3, "")
    assert ended.stderr == "main.py: the log has nothing of a user 'nobody' there\n"
