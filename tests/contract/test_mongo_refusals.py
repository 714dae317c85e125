"""What MongoDB refuses: the fault of one update, or of the server, which is waited out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pymongo.errors import OperationFailure

from actors.errors import StoreUnavailableError
from actors.ports import CheckpointUpdate, SaveOutcome, Unsavable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from store.settings import StoreSettings
from store.users.blocking import StandaloneStore
from store.users.fence import VALIDATION_FAILED
from tests.servers import prepare_mongodb, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ALARMS = {AlarmID("a"): Alarm(Severity.WARNING, 5, Severity.CLEARED, None, True, 9)}  # noqa: FBT003
OTHER = 99_999
"""A code that nobody has heard of."""
NO_JOURNAL = 2


class Server:
    """Answers update commands as a server would that has something against some users."""

    def __init__(self) -> None:
        """Take everything."""
        self.refused: dict[str, int] = {}
        """Users, and the code that their statement fails with, alone."""
        self.spoils: dict[str, int] = {}
        """Users, and the code that the whole command fails with because of them."""
        self.command_fails: int | None = None
        """The code that every command fails with."""
        self.commands = 0

    async def __call__(self, statements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """See ``MongoCheckpointStore._update``."""
        self.commands += 1
        users = [statement["q"]["_id"] for statement in statements]
        for code in (self.command_fails, *(self.spoils.get(user) for user in users)):
            if code is not None:
                raise OperationFailure("refused", code)
        errors: list[dict[str, Any]] = [{"index": 0, "code": VALIDATION_FAILED}]
        errors += [
            {"index": index, "code": self.refused[user], "errmsg": "refused"}
            for index, user in enumerate(users)
            if user in self.refused
        ]
        return {"n": len(users) - len(errors), "writeErrors": errors}


@pytest.fixture
def scripted() -> Iterator[tuple[StandaloneStore, Server]]:
    """A store before such a server; its fence was compared just now."""
    store, server = StandaloneStore(StoreSettings(), lambda: 1.0), Server()
    store.inner._update = server  # type: ignore[method-assign]
    store.inner._fence._compared_at_s = 1.0
    yield store, server
    store.close()


def group(*names: str) -> list[CheckpointUpdate]:
    """Return an update of each user."""
    return [CheckpointUpdate(UserID(name), 0, ALARMS, None) for name in names]


def until_certain(store: StandaloneStore, *names: str) -> tuple[Sequence[object], int]:
    """Save until there is an answer; return it, and how many times there was none."""
    for attempts in range(20):
        try:
            return store.save(group(*names)), attempts
        except StoreUnavailableError:
            continue
    pytest.fail("held for ever")


def test_one_statement_does_not_hold_its_group_for_ever(
    scripted: tuple[StandaloneStore, Server],
) -> None:
    """Whatever its code; once, a code that was not on a list was retried without end."""
    store, server = scripted
    server.refused["bad"] = server.refused["worse"] = OTHER
    outcomes, attempts = until_certain(store, "a", "bad", "b", "worse")
    assert attempts == 2
    assert outcomes[0] is outcomes[2] is SaveOutcome.SAVED
    for outcome in (outcomes[1], outcomes[3]):
        assert isinstance(outcome, Unsavable)
        assert str(OTHER) in outcome.reason


def test_a_statement_that_spoils_the_command_is_found_by_halves(
    scripted: tuple[StandaloneStore, Server],
) -> None:
    """The others are saved; the culprit is refused when it has failed often enough alone."""
    store, server = scripted
    server.spoils["bad"] = OTHER
    outcomes, attempts = until_certain(store, *"abcdefg", "bad")
    assert attempts == 2
    assert list(outcomes[:7]) == [SaveOutcome.SAVED] * 7
    assert isinstance(outcomes[7], Unsavable)


def test_what_passes_after_a_while_was_nobodys_fault(
    scripted: tuple[StandaloneStore, Server],
) -> None:
    """And is forgotten: only failures in a row count."""
    store, server = scripted
    for _ in range(5):
        server.refused["u"] = OTHER
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                store.save(group("u", "other"))
        server.refused.clear()
        assert list(store.save(group("u", "other"))) == [SaveOutcome.SAVED] * 2


@pytest.mark.parametrize("code", [NO_JOURNAL, 13, 14031, OTHER])
def test_what_every_command_meets_refuses_nothing(
    scripted: tuple[StandaloneStore, Server], code: int
) -> None:
    """Every good event became a dead letter, once, and readiness stayed green."""
    store, server = scripted
    server.command_fails = code
    for _ in range(10):
        with pytest.raises(StoreUnavailableError):
            store.save(group(*"abcdefgh"))
    assert server.commands <= 20  # not by halves, each time
    server.command_fails = None
    assert list(store.save(group("a"))) == [SaveOutcome.SAVED]


@pytest.mark.parametrize("code", [14031, OTHER])
def test_what_every_statement_meets_refuses_nothing(
    scripted: tuple[StandaloneStore, Server], code: int
) -> None:
    """A full disk takes the probe, which writes nothing; none is refused before one is saved."""
    store, server = scripted
    server.refused = dict.fromkeys("abcdefgh", code)
    for _ in range(10):
        with pytest.raises(StoreUnavailableError):
            store.save(group(*"abcdefgh"))


def test_a_server_restarted_without_its_journal_is_waited_for(tmp_path: Path) -> None:
    """By the real one: it refuses every write that asks for the journal, with a "BadValue"."""
    server = prepare_mongodb(tmp_path)
    without = prepare_mongodb(tmp_path, "--nojournal")
    with running(server):
        store = StandaloneStore(StoreSettings(server.url))
        store.open()
        assert list(store.save(group("u"))) == [SaveOutcome.SAVED]
        store.close()
    with running(without):
        store = StandaloneStore(StoreSettings(without.url))
        for _ in range(5):
            with pytest.raises(StoreUnavailableError, match="journal"):
                store.save(group("v", "w"))
        store.close()
