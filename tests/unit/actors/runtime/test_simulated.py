"""The dispatcher without threads: everything in ``step``, the same from the same seed."""

from __future__ import annotations

from random import Random

import pykka
import pytest

from actors.runtime.pooled import PooledActor, tell_each
from actors.runtime.simulated import ManualClock, SimulatedDispatcher


class Scribe(PooledActor):
    """Writes what it is told into a book that several share."""

    registered = False

    def __init__(self, dispatcher: SimulatedDispatcher, name: str, book: list[str]) -> None:
        """Write into ``book`` under ``name``."""
        super().__init__(dispatcher)
        self._name = name
        self._book = book

    def on_receive(self, message: str) -> None:
        """Write it down."""
        self._book.append(f"{self._name}{message}")


class Stage:
    """A dispatcher with two scribes."""

    def __init__(self, seed: int = 0) -> None:
        """Start both; they have come to rest."""
        self.clock = ManualClock(1000)
        self.dispatcher = SimulatedDispatcher(Random(seed), self.clock)
        self.book: list[str] = []
        self.a = Scribe.start(self.dispatcher, "a", self.book)
        self.b = Scribe.start(self.dispatcher, "b", self.book)
        self.dispatcher.run_until_idle()

    def history(self) -> list[str]:
        """Tell each three messages; return what was written."""
        for number in range(3):
            self.a.tell(str(number))
            self.b.tell(str(number))
        self.dispatcher.run_until_idle()
        return self.book


def test_a_step_is_one_message_of_one_actor() -> None:
    """And there is none when no actor has mail."""
    stage = Stage()
    stage.a.tell("1")
    stage.a.tell("2")
    assert stage.dispatcher.step()
    assert stage.book == ["a1"]
    assert stage.dispatcher.step()
    assert stage.book == ["a1", "a2"]
    assert not stage.dispatcher.step()


def test_the_same_seed_gives_the_same_history() -> None:
    """Another seed gives another, the order of an actor's own mail the same in all."""
    histories = [tuple(Stage(seed).history()) for seed in (*range(10), *range(10))]
    assert histories[:10] == histories[10:]
    assert len(set(histories)) > 1
    for history in histories:
        assert [entry for entry in history if entry[0] == "a"] == ["a0", "a1", "a2"]
        assert [entry for entry in history if entry[0] == "b"] == ["b0", "b1", "b2"]


def test_many_actors_are_awakened_together() -> None:
    """One that is awake already runs once for it."""
    stage = Stage()
    stage.a.tell("1")
    tell_each([(stage.a, "2"), (stage.b, "1")])
    stage.dispatcher.run_until_idle()
    assert sorted(stage.book) == ["a1", "a2", "b1"]


def test_the_clock_moves_only_when_told_to() -> None:
    """Wall and monotonic time move together, the wall's in whole seconds."""
    stage = Stage()
    assert (stage.clock.monotonic_s(), stage.clock.wall_s()) == (0.0, 1000)
    stage.dispatcher.advance(2.75)
    assert (stage.clock.monotonic_s(), stage.clock.wall_s()) == (2.75, 1002)


def test_timers_fall_due_in_order_as_the_clock_moves() -> None:
    """Those of the same moment in the order in which they were set."""
    stage = Stage()
    for delay_s, message in ((2.0, "2"), (1.0, "1"), (2.0, "2'"), (3.0, "3")):
        stage.dispatcher.tell_after(delay_s, stage.a, message)
    assert stage.dispatcher.next_due_s() == 1.0
    stage.dispatcher.advance(2.0)
    assert stage.book == ["a1", "a2", "a2'"]
    assert stage.dispatcher.next_due_s() == 3.0
    stage.dispatcher.advance(1.0)
    assert stage.book == ["a1", "a2", "a2'", "a3"]
    assert stage.dispatcher.next_due_s() is None


def test_actors_come_to_rest_before_the_clock_moves_on() -> None:
    """A timer's action sees the time at which it is due, and what mail came before it."""
    stage = Stage()
    stage.a.tell("before")
    stage.dispatcher.call_after(
        1.0, lambda: stage.book.append(f"{stage.clock.monotonic_s()} {stage.book}")
    )
    stage.dispatcher.advance(5.0)
    assert stage.book == ["abefore", "1.0 ['abefore']"]


def test_a_timer_set_by_a_timer_falls_due_in_the_same_advance() -> None:
    """If its time is within it."""
    stage = Stage()
    stage.dispatcher.call_after(
        1.0, lambda: stage.dispatcher.tell_after(1.0, stage.a, f"{stage.clock.monotonic_s()}")
    )
    stage.dispatcher.advance(2.0)
    assert stage.book == ["a1.0"]


def test_a_message_for_a_dead_actor_is_dropped() -> None:
    """Be it dead when the timer falls due, or with mail unread."""
    stage = Stage()
    stage.dispatcher.tell_after(1.0, stage.a, "later")
    stage.a.stop(block=False)
    stage.dispatcher.advance(2.0)
    assert stage.book == []
    with pytest.raises(pykka.ActorDeadError):
        stage.a.tell("1")
