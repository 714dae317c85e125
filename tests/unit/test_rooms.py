"""The rooms of the house: how large each may be, and that the unit tests mirror it."""

from __future__ import annotations

import ast
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest

from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MIRRORED = ("actors", "bus", "ops", "store")
"""Packages whose modules have unit tests in the same place; what they share must fit no more."""
PACKAGES = (*MIRRORED, "bench", "chaos")
TESTS = ROOT / "tests" / "unit"
MODULES_MAX = 9
LINES_MAX = 300

FULL = {"bench": "is being written anew; loads, figures and rates are to have rooms of their own"}
"""Rooms that hold more modules, each with the reason."""

_TYPES = "types, no logic"
_WIRES = "wires; "
_SERVER = "asks a real server; "
UNMIRRORED = {
    "actors/errors.py": _TYPES,
    "actors/homes/calls.py": "a call a method; test_actor and test_actor_faults have each answer",
    "actors/homes/moves.py": "tells whom a move concerns; test_actor hears all of them",
    "actors/homes/ports.py": _TYPES,
    "actors/messages/checkpoints.py": _TYPES,
    "actors/messages/home.py": _TYPES,
    "actors/messages/inputs.py": _TYPES,
    "actors/messages/publisher.py": _TYPES,
    "actors/messages/router.py": _TYPES,
    "actors/messages/user.py": _TYPES,
    "actors/ports.py": _TYPES,
    "actors/rejections.py": _TYPES,
    "actors/runtime/tuples.py": "one expression, on every message's way",
    "actors/user/applying.py": "the actor's first step; test_actor and test_actor_faults",
    "actors/user/context.py": _TYPES,
    "actors/user/outbox.py": "the actor's second step; test_actor_digest",
    "actors/user/refusals.py": "the actor's answer to a refusal; test_actor_faults",
    "bus/bus.py": _WIRES + "tests/integration and tests/faults",
    "bus/connection/access.py": _SERVER + "tests/integration/test_connection.py",
    "bus/connection/connection.py": _SERVER + "tests/faults; test_seams has its client",
    "bus/dead_letters/pages.py": _SERVER + "tests/integration/test_letter_pages.py",
    "bus/errors.py": _TYPES,
    "bus/inbound/log_check.py": "a step of the log reader; test_log_reader",
    "bus/inbound/log_home.py": "a step of the log reader; test_log_reader, test_intake",
    "bus/inbound/log_pass.py": "a step of the log reader; test_log_reader",
    "bus/inbound/log_passes.py": "a step of the log reader; test_log_reader_random",
    "bus/inbound/log_source.py": _TYPES,
    "bus/inbound/stream/questions.py": "what the source asks; test_source",
    "bus/memory/log.py": "a twin; tests/contract holds it to the stream",
    "bus/migration/durable.py": _SERVER + "tests/integration/test_migration.py",
    "bus/migration/finding.py": _SERVER + "tests/integration/test_migration.py",
    "bus/migration/migration.py": _SERVER + "tests/integration/test_migration.py",
    "bus/outbound/core.py": _SERVER + "tests/integration/test_core.py",
    "bus/outbound/transport.py": "what transports share; test_digests, test_dead_letters",
    "bus/status.py": _TYPES,
    "bus/streams/api.py": _SERVER + "tests/integration/test_topology.py",
    "bus/streams/limits.py": _SERVER + "tests/integration/test_limits.py",
    "bus/streams/marks.py": "names; tests/integration/test_migration.py",
    "bus/streams/mending.py": _SERVER + "tests/faults/test_streams.py",
    "bus/streams/scanning.py": _SERVER + "tests/integration/test_log_commands.py",
    "bus/streams/topology.py": _SERVER + "tests/integration/test_topology.py",
    "ops/cli/examples.py": "one expression; test_program shows the examples of every command",
    "ops/cli/failures.py": "two names of errors; test_command_line shows how each ends",
    "ops/cli/remote/belonging.py": _SERVER + "tests/integration/test_two_deployments.py",
    "ops/instance.py": "a name made of two of the system's, and a constant",
    "ops/process/clock.py": "the system's clock under our names",
    "ops/version.py": "a constant",
    "ops/web/console/data.py": _WIRES + "tests/integration/test_console_users.py",
    "store/homes/browsing.py": _SERVER + "tests/contract/test_home_browser.py",
    "store/homes/memory.py": "a twin; tests/contract holds it to MongoDB",
    "store/homes/statements.py": _SERVER + "tests/contract/test_mongo_home_store.py",
    "store/users/blocking.py": _SERVER + "tests/contract/test_mongo_store.py",
    "store/users/browsing.py": _SERVER + "tests/contract/test_user_browser.py",
}
"""Modules without a unit test of their own, each with the reason, and where else to look."""

ACROSS = {
    "actors/homes/test_model.py": "the actor's rules under random schedules",
    "actors/rules/test_against_oracle.py": "alarms and digests",
    "actors/runtime/test_seams.py": "what is reached of Pykka's insides",
    "bus/connection/test_seams.py": "what is reached of nats-py's and uvloop's insides",
    "ops/test_command_line_room.py": "what each room of ops may load",
}
"""Unit tests of several modules, each with what they have in common."""


def modules(*packages: str) -> list[Path]:
    """Return the modules of these packages, packages' own left out."""
    return sorted(
        path
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    )


def named(path: Path) -> str:
    """Return a path from the root."""
    return path.relative_to(ROOT).as_posix()


def mirror_of(module: Path) -> Path:
    """Return where a module's unit test is."""
    return TESTS / module.relative_to(ROOT).parent / f"test_{module.name}"


def test_a_room_is_taken_in_at_a_glance() -> None:
    """Whoever adds a tenth module splits the room by what one looks for."""
    rooms = {path.parent for path in modules(*PACKAGES)}
    counts = {named(room): len([*room.glob("*.py")]) - 1 for room in rooms}
    assert {room for room, count in counts.items() if count > MODULES_MAX} == FULL.keys()


def test_a_module_is_read_in_one_go() -> None:
    """A longer one has two subjects."""
    lengths = {one: len(one.read_text().splitlines()) for one in modules(*PACKAGES)}
    assert not {named(one) for one, lines in lengths.items() if lines > LINES_MAX}


def test_each_module_with_logic_has_a_unit_test_in_the_same_place() -> None:
    """Write one, or say above why there is nothing to test, or where it is tested."""
    without = {named(one) for one in modules(*MIRRORED) if not mirror_of(one).exists()}
    assert without == UNMIRRORED.keys()


@pytest.mark.parametrize("package", MIRRORED)
def test_no_unit_test_is_of_a_module_that_is_gone(package: str) -> None:
    """One that moved takes its test along; a second one of a module begins with its name."""
    gone = []
    for test in (TESTS / package).rglob("test_*.py"):
        folder = ROOT / package / test.parent.relative_to(TESTS / package)
        words = test.stem.split("_")[1:]
        subjects = ("_".join(words[:count]) for count in range(len(words), 0, -1))
        if not any((folder / f"{subject}.py").exists() for subject in subjects):
            gone.append(test.relative_to(TESTS).as_posix())
    assert sorted(gone) == sorted(one for one in ACROSS if one.startswith(f"{package}/"))


def test_the_reasons_name_tests_that_exist() -> None:
    """A reader follows them."""
    for reason in UNMIRRORED.values():
        for name in reason.replace(",", " ").replace(";", " ").split():
            if name.startswith("tests/"):
                assert (ROOT / name).exists(), name


@pytest.mark.parametrize("room", sorted({named(one.parent) for one in modules(*PACKAGES)}), ids=str)
def test_a_room_says_what_one_finds_in_it(room: str) -> None:
    """In the first lines that a stranger opens."""
    assert ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))


def test_the_contract_of_the_log_reader_names_every_part_of_it() -> None:
    """import-linter takes no pattern for some modules of a package."""
    contracts = ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    listed = contracts["importlinter:contract:log"]["source_modules"].split()
    inbound = ROOT / "bus" / "inbound"
    parts = [*inbound.glob("log_*.py"), *inbound.glob("careful/[!_]*.py")]
    names = (named(part).removesuffix(".py").replace("/", ".") for part in parts)
    assert sorted(listed) == sorted(names)
