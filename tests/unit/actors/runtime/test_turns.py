"""The longest turn of late, by the thread's CPU clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime import turns as turns_module
from actors.runtime.turns import LOOKS, Turns

if TYPE_CHECKING:
    import pytest


def test_the_longest_turn_is_told_until_it_is_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape that comes every now and then misses none."""
    now_s = 0.0
    monkeypatch.setattr(turns_module, "thread_time", lambda: now_s)
    turns = Turns()
    assert turns.longest_s == 0.0
    for took_s in (0.5, 2.0, 1.0):
        turns.begin()
        now_s += took_s
        turns.end()
    for _ in range(LOOKS):
        turns.look()
        assert turns.longest_s == 2.0
    turns.look()
    assert turns.longest_s == 0.0
