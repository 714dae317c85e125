"""Where a user is at home, by the last look."""

from __future__ import annotations

import pytest

from actors.rules.alarms import UserID
from actors.rules.partitions import HomesView, InstanceID, partition_of
from ops.homes.whereabouts import SeenHomes, Whereabouts
from tests.unit.ops.homes.views import instance, partitions

USER = UserID("u")
HERE = partition_of(USER)
A = InstanceID("a")


@pytest.mark.parametrize(
    ("home", "where"),
    [
        ("a", Whereabouts(A, "host-a", here=True)),
        ("b", Whereabouts(InstanceID("b"), "host-b", here=False)),
        ("gone", Whereabouts(InstanceID("gone"), "gone", here=False)),
        (None, Whereabouts(None, None, here=False)),
    ],
)
def test_a_user_is_at_home_where_its_partition_is(home: str | None, where: Whereabouts) -> None:
    """Of one that nobody knows any more there is the id."""
    view = HomesView((instance("a"), instance("b")), partitions({HERE: home}))
    assert SeenHomes(A, lambda: view).of(USER) == where


def test_before_the_first_look_nobody_is_known() -> None:
    """The service has just begun."""
    assert SeenHomes(A, lambda: HomesView((), ())).of(USER) == Whereabouts(None, None, here=False)
