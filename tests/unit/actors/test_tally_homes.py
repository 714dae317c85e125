"""What the home actor tells those who watch it."""

from __future__ import annotations

from actors.rules.partitions import PARTITIONS
from tests.unit.actors.homes.street import Street


def test_one_can_see_what_an_instance_has_and_until_when_it_may_publish() -> None:
    """Probes, metrics and whoever asks where a user is go by this."""
    street = Street(1)
    process = street.start()
    assert process.tally.may_publish_until_s == float("-inf")
    assert process.tally.view.partitions == ()
    street.run(6.0)
    tally = process.tally
    assert tally.partitions == PARTITIONS
    assert not tally.standing_by
    assert tally.may_publish_until_s == process.indoors.until_s > street.clock.monotonic_s()
    assert {partition.home for partition in tally.view.partitions} == {process.instance_id}
    assert [instance.name for instance in tally.view.instances] == [process.instance_id]
    assert tally.watch.seen.keys() == {process.instance_id}


def test_whoever_is_one_too_many_stands_by_and_shows_it() -> None:
    """Until somebody leaves."""
    street = Street(2)
    processes = [street.start() for _ in range(PARTITIONS + 1)]
    street.run(12.0)
    (idle,) = (process for process in processes if process.tally.standing_by)
    assert idle.tally.partitions == 0
    assert idle.tally.instances == PARTITIONS + 1
    next(process for process in processes if process is not idle).leave()
    street.run(8.0)
    assert not idle.tally.standing_by
    assert idle.tally.partitions == 1
