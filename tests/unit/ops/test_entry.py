"""What runs first: signals are obeyed before anything else is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from configparser import ConfigParser

import pytest

from ops import entry
from ops.version import NAME
from tests.service import ROOT

LIGHT = {"ops", "ops.entry", "ops.process", "ops.process.streams", "ops.safe_text"}
"""What is imported before anybody listens to a signal."""
BEGUN = "import os, signal, sys; from ops.entry import begin; begin(); "


def program(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with what runs first."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_little_is_imported_before_signals_are_obeyed() -> None:
    """Importing the service takes most of a second."""
    code = "import sys; before = {*sys.modules}; import ops.entry; print(*sys.modules - before)"
    code = code.replace("sys.modules - before", "({*sys.modules} - before)")
    loaded = set(program(code).stdout.split())
    assert {name for name in loaded if name.partition(".")[0] == "ops"} == LIGHT
    assert loaded - LIGHT <= {*sys.stdlib_module_names} | {
        name for name in loaded if name.partition(".")[0] in sys.stdlib_module_names
    }


def test_main_begins_with_it() -> None:
    """Before its first import of anything else."""
    lines = [line for line in (ROOT / "main.py").read_text().splitlines() if line.strip()]
    statements = [line for line in lines if not line.startswith(('"', "from __future__"))]
    assert statements[:3] == [
        "from ops.entry import begin",
        'if __name__ == "__main__":',
        "    begin()",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("SIGTERM", [], 0),
        ("SIGTERM", ["--nats-url", "nats://somewhere"], 0),
        ("SIGTERM", ["watch"], 143),
        ("SIGINT", ["watch"], -2),
        ("SIGINT", [], -2),
    ],
)
def test_a_signal_ends_the_program_without_a_traceback(
    name: str, arguments: list[str], status: int
) -> None:
    """After whatever must be put in order; a service that has begun nothing leaves nothing."""
    code = f"""
try:
    os.kill(os.getpid(), signal.{name})
    print('went on')
finally:
    print('in order')
"""
    ended = program(f"{BEGUN}\nsys.argv[1:] = {arguments!r}\n{code}")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "in order\n", "")


def test_ctrl_c_stays_ignored_where_a_shell_wants_it() -> None:
    """It is meant for the program in the foreground."""
    code = "signal.signal(signal.SIGINT, signal.SIG_IGN); from ops.entry import begin; begin(); "
    ended = program("import os, signal; " + code + "os.kill(os.getpid(), 2); print('went on')")
    assert (ended.returncode, ended.stdout) == (0, "went on\n")


def test_what_is_a_mistake_of_ours_has_its_traceback() -> None:
    """Only an interrupt is none."""
    ended = program(BEGUN + "raise ZeroDivisionError")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


def test_the_command_on_path_is_the_program() -> None:
    """By its own name, with its first lines before anything else is imported."""
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    scripts = settings["options.entry_points"]["console_scripts"].split()
    assert scripts == [NAME, "=", f"{entry.__name__}:{entry.program.__name__}"]
    called = f"import sys; sys.argv = ['/bin/{NAME}', 'user']; from ops.entry import program; "
    ended = program(called + "program()")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"Usage: {NAME} user ")


def test_the_command_on_path_can_be_completed() -> None:
    """As the page says, by the library's own way."""
    called = f"import sys; sys.argv = ['{NAME}']; from ops.entry import program; program()"
    typed = {"COMP_WORDS": f"{NAME} user sh", "COMP_CWORD": "2"}
    variable = f"_{NAME.upper().replace('-', '_')}_COMPLETE"
    assert program(called, **{variable: "bash_complete"}, **typed).stdout == "plain,show\n"
    for shell in ("bash", "zsh", "fish"):
        line = f"{variable}={shell}_source {NAME}"
        assert line in (ROOT / "docs" / "operations" / "command-line.md").read_text()
