"""Where a user is at home, as the instance that is asked sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rules.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.rules.alarms import UserID
    from actors.rules.partitions import HomesView, InstanceID


class Whereabouts(NamedTuple):
    """Where a user is at home."""

    home: InstanceID | None
    """None: nobody is at home for its partition now."""
    name: str | None
    """Of that instance; its id where no more is known of it."""
    here: bool


class SeenHomes:
    """Knows it by the last look at the store. Called from several threads at a time."""

    def __init__(self, me: InstanceID, view: Callable[[], HomesView]) -> None:
        """Be ``me``; ``view`` returns what it has seen last, empty before the first look."""
        self._me = me
        self._view = view

    def of(self, user_id: UserID) -> Whereabouts:
        """Return where a user is at home."""
        view, number = self._view(), partition_of(user_id)
        home = next((one.home for one in view.partitions if one.number == number), None)
        if home is None:
            return Whereabouts(None, None, here=False)
        names = (one.name for one in view.instances if one.instance_id == home)
        return Whereabouts(home, next(names, home), home == self._me)
