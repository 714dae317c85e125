"""Partitions come and go: what that means for log, router and publisher."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.messages.publisher import AdmitPartitions, ForgetPartitions
from actors.messages.router import DropPartitions, EmptyPartitions
from actors.runtime.pooled import tell_if_alive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pykka import ActorRef

    from actors.ports import LogReading
    from actors.rules.partitions import InstanceID, Partition
    from actors.tally import HomeTally

logger = logging.getLogger("actors.home")


class Moves:
    """Has them come and go, counts them, and says so. Not for empty sets of partitions."""

    def __init__(
        self,
        log: LogReading,
        router: ActorRef[Any],
        publisher: ActorRef[Any],
        tally: HomeTally,
    ) -> None:
        """Nothing has come yet."""
        self._log = log
        self._router = router
        self._publisher = publisher
        self._tally = tally
        self._claimed: dict[int, InstanceID | None] = {}
        self.unfinished = 0
        """Messages of partitions that were freed, which the next home reads again."""

    def claim(self, partitions: Iterable[Partition]) -> None:
        """Note whose the partitions were that are claimed now."""
        for partition in partitions:
            self._claimed[partition.number] = partition.home

    def gain(self, partitions: tuple[Partition, ...]) -> None:
        """Begin to read partitions that have come."""
        numbers = frozenset(partition.number for partition in partitions)
        tell_if_alive(self._publisher, AdmitPartitions(numbers))
        self._log.gain(partitions)
        tally = self._tally
        for partition in partitions:
            if self._claimed.pop(partition.number, None) is None:
                tally.gained_free += 1
            else:
                tally.gained_from_dead += 1
        logger.info("home.gained", extra={"partitions": sorted(numbers)})

    def lose(self, numbers: frozenset[int]) -> None:
        """Drop partitions that somebody else has taken, without a word."""
        self._drop(numbers)
        self._tally.lost += len(numbers)
        logger.warning("home.lost", extra={"partitions": sorted(numbers)})

    def read_again(self, partitions: tuple[Partition, ...]) -> None:
        """Drop partitions that stay at home here, and read them again from their positions.

        So each user of theirs is loaded again, and what is behind the position applied again.
        """
        if not partitions:
            return
        numbers = frozenset(partition.number for partition in partitions)
        self._drop(numbers)
        tell_if_alive(self._publisher, AdmitPartitions(numbers))
        self._log.gain(partitions)
        logger.error("home.read_again", extra={"partitions": sorted(numbers)})

    def begin_to_leave(self, numbers: frozenset[int], reply_to: ActorRef[Any]) -> None:
        """Read no more of partitions, and have their users saved, told and out of memory."""
        self._log.stop(numbers)
        tell_if_alive(self._router, EmptyPartitions(numbers, reply_to))
        logger.debug("home.leaving", extra={"partitions": sorted(numbers)})

    def release(self, numbers: frozenset[int]) -> None:
        """Drop what is left of partitions that are to be freed now.

        Before they are: as soon as they are free, their digests are the next home's to publish.
        """
        left = {number: self._log.unsettled(number) for number in sorted(numbers)}
        unfinished = {number: count for number, count in left.items() if count}
        if unfinished:
            self.unfinished += sum(unfinished.values())
            logger.warning("home.left_unfinished", extra={"unsettled": unfinished})
        self._drop(numbers)

    def hand_over(self, numbers: frozenset[int]) -> None:
        """Note that partitions are free, as the store shows."""
        self._tally.handed_over += len(numbers)
        logger.info("home.handed_over", extra={"partitions": sorted(numbers)})

    def _drop(self, numbers: frozenset[int]) -> None:
        tell_if_alive(self._publisher, ForgetPartitions(numbers))
        tell_if_alive(self._router, DropPartitions(numbers))
        self._log.drop(numbers)
