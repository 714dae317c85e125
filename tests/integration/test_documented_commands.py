"""The commands in docs/operations/command-line.md, run as they stand there, in their order."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.embedded import launch_embedded, mongodb_of, nats_of
from tests.patience import PATIENCE_S
from tests.service import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment

PAGE = ROOT / "docs" / "operations" / "command-line.md"
PROGRAM = ".venv/bin/python main.py"
DISK = re.compile(r"^\w+ +mongodb +its disk is .*\n( +mend: .*\n)?", re.MULTILINE)


class Documented(NamedTuple):
    """A command of the page, and what the page says it prints."""

    line: str
    printed: str

    @property
    def status(self) -> int:
        """The exit status that the page shows; 0 where it shows none."""
        said = re.search(r"^status (\d)$", self.printed, re.MULTILINE)
        return 0 if said is None else int(said[1])


def documented() -> list[Documented]:
    """Return the page's commands, those that say what they print."""
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    commands = [part.partition("\n") for part in parts if part]
    return [Documented(line, printed) for line, _, printed in commands]


def shape(printed: str) -> list[str]:
    """Return what must be the same of two runs: the first word of each line, without values.

    How full the disk is, and the mend where it is too full, is the machine's affair.
    """
    lines = DISK.sub("", printed).splitlines()
    words = [line.split(maxsplit=1)[0] for line in lines if line.split()]
    return [re.sub(r"[{].*", "{", word) for word in words if word != "events"]


@pytest.mark.needs_nats_2_10  # an older one tells the doctor less than the page shows
@pytest.mark.long
def test_the_page_shows_what_the_commands_do(deployment: Deployment, tmp_path: Path) -> None:
    """Each runs, ends with the status that is shown, and prints lines that begin alike.

    As the page says, beside a service with servers of its own.
    """
    service = launch_embedded(deployment, tmp_path)
    names = deployment.names.settings(nats_of(service), mongodb_of(service))
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'main.py'))}"
    commands = documented()
    assert len(commands) > 20
    for command in commands:
        assert PROGRAM in command.line
        ended = subprocess.run(
            ["/bin/sh", "-c", command.line.replace(PROGRAM, program)],
            env=environment(names),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
        printed = ended.stdout.decode()
        assert ended.returncode == 0, printed
        assert Documented(command.line, printed).status == command.status, printed
        assert shape(printed) == shape(command.printed), command.line
