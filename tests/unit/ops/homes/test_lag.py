"""How far what is settled is behind the log, and whether it moves."""

from __future__ import annotations

from actors.rules.positions import Place
from actors.runtime.simulated import ManualClock
from ops.homes.lag import NO_LAG, PositionLag, Positions


class Log:
    """A reader that a test sets."""

    def __init__(self) -> None:
        """Have nothing at home."""
        self.waiting = 0
        self.place: Place | None = None
        self._positions: dict[int, Place] = {}

    def read_to(self, sequence: int, *positions: int) -> None:
        """Be there, and have partitions settled so far."""
        self.place = Place(sequence, sequence)
        self._positions = {
            number: Place(position, position) for number, position in enumerate(positions)
        }

    def positions(self) -> dict[int, Place]:
        """See ``LogStanding``."""
        return self._positions


def test_the_lowest_position_counts_and_the_end_of_the_log() -> None:
    """What waits is above it, too; also where no pass has come as far as a position."""
    log, clock = Log(), ManualClock()
    positions = Positions(lambda: log, clock.monotonic_s)
    positions.look()
    assert positions.lag() is NO_LAG
    log.read_to(100, 90, 40, 100)
    log.waiting = 5
    positions.look()
    assert positions.lag() == PositionLag(65, 0.0)
    log.read_to(60, 60, 200)
    positions.look()
    assert positions.lag() == PositionLag(145, 0.0)


def test_a_position_that_does_not_move_while_there_is_something_above_it_shows() -> None:
    """One that moves a little does not, however far behind it is."""
    log, clock = Log(), ManualClock()
    positions = Positions(lambda: log, clock.monotonic_s)
    for behind in (40, 41):
        clock.elapsed_s += 30
        log.read_to(100, behind, 100)
        positions.look()
        assert positions.lag().stands_s == 0
    for _ in range(3):
        clock.elapsed_s += 30
        positions.look()
    assert positions.lag() == PositionLag(59, 90.0)


def test_a_quiet_log_is_not_taken_for_one_that_stands() -> None:
    """What comes after a quiet hour has its time from then."""
    log, clock = Log(), ManualClock()
    positions = Positions(lambda: log, clock.monotonic_s)
    log.read_to(100, 100)
    for _ in range(10):
        clock.elapsed_s += 360
        positions.look()
    assert positions.lag() is NO_LAG
    log.read_to(101, 100)
    positions.look()
    assert positions.lag() == PositionLag(1, 0.0)


def test_nothing_at_home_and_no_log_are_not_behind() -> None:
    """An instance that stands by has no position."""
    log = Log()
    log.waiting = 7
    for there in (log, None):
        positions = Positions(lambda there=there: there)  # type: ignore[misc]  # binds it now
        positions.look()
        assert positions.lag() is NO_LAG
