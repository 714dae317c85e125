"""Stories of what is large: bodies of a mebibyte, users of ten thousand alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.alarms import UserID

if TYPE_CHECKING:
    from chaos.stage import Stage

_BODIES = 300
_USERS = 1000
_ALARMS = 10_000


def large_bodies(stage: Stage) -> None:
    """A backlog of them: as fast as a server sends, and each is held until it is saved."""
    for _ in stage.times(3):
        stage.load_for(0.5, 2.0)
        stage.kill(0)
        stage.field.put_large(_BODIES)
        stage.restart(0)
        stage.cured_behind_a_backlog()


def large_users(stage: Stage) -> None:
    """Ten million alarms pass through a memory with room for two million, a user at a time.

    A tenth of the users when it must be quick.
    """
    users = [UserID(f"large-{number}") for number in stage.times(_USERS)]
    stage.store_users(users, _ALARMS)
    stage.field.touch(users)
