"""The contract of HomeStore, held by the twin and by MongoDB alike."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from actors.rules.ends import NO_ENDS, Ends, Stretch
from actors.rules.partitions import (
    PARTITIONS,
    HomePosition,
    HomesView,
    InHand,
    Instance,
    InstanceID,
    Partition,
)
from actors.rules.positions import BEGIN, Place
from store.users.document import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.ports import HomeStore
    from tests.contract.conftest import HomeStores

ME, THEM = InstanceID("me"), InstanceID("them")
INSTANCE = Instance(
    ME,
    "host.$1",
    beat=1,
    leaving=False,
    reading=True,
    schema=2,
    address="http://host:8080",
    version="1.2.3",
    started_at_s=1_623_098_415,
)
CREATED = "2021-06-07T20:40:15.598765212Z"


def at(sequence: int) -> Place:
    """Return a place of the log, as exact as a stream's are."""
    return Place(sequence, 1_623_098_415_598_765_212 + sequence, CREATED)


async def one(store: HomeStore, number: int) -> Partition:
    """Return a partition as it stands."""
    return (await store.look()).partitions[number]


async def claimed(store: HomeStore, me: InstanceID, numbers: Iterable[int]) -> list[Partition]:
    """Claim partitions as they stand; return how they stand then."""
    numbers = list(numbers)
    view = await store.look()
    await store.claim(me, [view.partitions[number] for number in numbers])
    view = await store.look()
    return [view.partitions[number] for number in numbers]


async def test_at_first_every_partition_is_nobodys_from_the_beginning(homes: HomeStores) -> None:
    """All of them, by number; and nobody is up."""
    nobodys = tuple(Partition(number, None, 0, BEGIN) for number in range(64))
    assert PARTITIONS == 64
    async with homes() as (store, other):
        assert await store.look() == HomesView((), nobodys)
        assert await other.look() == HomesView((), nobodys)


async def test_to_open_again_changes_nothing(homes: HomeStores) -> None:
    """A restart finds what the last process has left."""
    async with homes() as (store, other):
        await store.beat(INSTANCE)
        [mine] = await claimed(store, ME, [5])
        await store.save_positions(ME, [HomePosition(5, mine.epoch, at(7))])
        await store.note_stream("alarms", CREATED)
        before = await store.look()
        await asyncio.gather(*(each.open() for each in (store, other, store, other)))
        assert await other.look() == before
        assert await other.streams_made() == {"alarms": CREATED}


async def test_an_instance_is_seen_as_it_describes_itself(homes: HomeStores) -> None:
    """By others too, at its last beat; one that has no console says so."""
    last = INSTANCE._replace(beat=2, leaving=True, reading=False, address=None)
    async with homes() as (store, other):
        await store.beat(INSTANCE)
        assert (await other.look()).instances == (INSTANCE,)
        await store.beat(last)
        await other.beat(INSTANCE._replace(instance_id=THEM))
        seen = {each.instance_id: each for each in (await other.look()).instances}
        assert seen == {ME: last, THEM: INSTANCE._replace(instance_id=THEM)}


async def test_a_beat_that_lands_late_is_nothing(homes: HomeStores) -> None:
    """Else who is leaving would seem to stay."""
    leaving = INSTANCE._replace(beat=3, leaving=True)
    async with homes() as (store, other):
        await store.beat(leaving)
        await store.beat(INSTANCE._replace(beat=2))
        await store.beat(leaving._replace(leaving=False))
        assert (await other.look()).instances == (leaving,)


async def test_who_is_forgotten_is_not_seen_and_keeps_what_it_has(homes: HomeStores) -> None:
    """The others are not touched; one that is not there is no error."""
    async with homes() as (store, other):
        await store.beat(INSTANCE)
        await other.beat(INSTANCE._replace(instance_id=THEM))
        [mine] = await claimed(store, ME, [1])
        await other.forget([ME, InstanceID("nobody")])
        view = await store.look()
        assert [each.instance_id for each in view.instances] == [THEM]
        assert view.partitions[1] == mine
        await store.beat(INSTANCE._replace(beat=2))
        assert {each.instance_id for each in (await other.look()).instances} == {ME, THEM}


async def test_a_claim_makes_a_partition_mine_at_the_next_epoch(homes: HomeStores) -> None:
    """From nobody or from somebody; its position stays, the others are not touched."""
    async with homes() as (store, other):
        [mine] = await claimed(store, ME, [9])
        assert mine == Partition(9, ME, 1, BEGIN)
        await store.save_positions(ME, [HomePosition(9, 1, at(5))])
        [theirs] = await claimed(other, THEM, [9])
        assert theirs == Partition(9, THEM, 2, at(5))
        view = await store.look()
        assert {each.home for each in view.partitions if each.number != 9} == {None}
        await store.claim(ME, [])
        assert await store.look() == view


async def test_a_claim_of_what_has_changed_meanwhile_is_nothing(homes: HomeStores) -> None:
    """By its home or by its epoch; the others of the same claim are not held up."""
    async with homes() as (store, other):
        old = (await store.look()).partitions
        await claimed(other, THEM, [0, 1])
        [again] = await claimed(other, THEM, [1])
        assert again.epoch == 2
        wrong_home = again._replace(home=ME)
        await store.claim(ME, [old[0], wrong_home, old[2]])
        view = await store.look()
        assert [each.home for each in view.partitions[:3]] == [THEM, THEM, ME]
        assert [each.epoch for each in view.partitions[:3]] == [1, 2, 1]


async def test_a_claim_that_lands_late_is_nothing(homes: HomeStores) -> None:
    """Whose home is again what it was then: nobody, or the same one."""
    async with homes() as (store, other):
        nobodys = await one(store, 1)
        [theirs] = await claimed(other, THEM, [1])
        await other.free(THEM, [HomePosition(1, 1, at(5))])
        await store.claim(ME, [nobodys])
        assert await one(store, 1) == Partition(1, None, 2, at(5))
        [again] = await claimed(other, THEM, [1])
        await store.claim(ME, [theirs])
        assert await one(store, 1) == again == Partition(1, THEM, 3, at(5))


async def test_of_two_claimers_at_a_time_exactly_one_wins(homes: HomeStores) -> None:
    """Each partition by itself, whatever is claimed with it, in whatever order."""
    random = Random(1)
    async with homes() as (store, other):
        for epoch in range(1, 9):
            wanted = (await store.look()).partitions
            mine, theirs = (random.sample(wanted, PARTITIONS) for _ in range(2))
            await asyncio.gather(
                *(store.claim(ME, mine[first : first + 8]) for first in range(0, PARTITIONS, 8)),
                *(other.claim(THEM, theirs[first : first + 8]) for first in range(0, 64, 8)),
            )
            after = (await other.look()).partitions
            assert {each.epoch for each in after} == {epoch}
            assert {each.home for each in after} <= {ME, THEM}


async def test_a_position_is_saved_for_its_home_at_its_epoch_only(homes: HomeStores) -> None:
    """A former home's, and a later epoch's than there is, are refused; the others count."""
    async with homes() as (store, other):
        await claimed(store, ME, [1, 2, 3])
        await claimed(other, THEM, [2])
        saved = [HomePosition(1, 1, at(5)), HomePosition(2, 1, at(6)), HomePosition(3, 2, at(7))]
        assert await store.save_positions(ME, saved) == 1
        assert await store.save_positions(THEM, saved[:1]) == 0
        assert await store.save_positions(ME, []) == 0
        view = await other.look()
        assert [each.position for each in view.partitions[:4]] == [BEGIN, at(5), BEGIN, BEGIN]
        assert [each.epoch for each in view.partitions[:4]] == [0, 1, 2, 1]


async def test_a_position_goes_upwards_only(homes: HomeStores) -> None:
    """A save that timed out may land after the next one; the same one again is no fault."""
    async with homes() as (store, _):
        await claimed(store, ME, [4])
        for place, matched, stands in (
            (at(5), 1, at(5)),
            (at(9), 1, at(9)),
            (at(7), 0, at(9)),
            (at(9), 1, at(9)),
            (Place(9, 1, "another"), 1, Place(9, 1, "another")),
        ):
            assert await store.save_positions(ME, [HomePosition(4, 1, place)]) == matched
            assert await one(store, 4) == Partition(4, ME, 1, stands)


async def test_saves_that_overtake_each_other_leave_the_highest(homes: HomeStores) -> None:
    """However they come."""
    sequences = list(range(1, 101))
    Random(2).shuffle(sequences)
    async with homes() as (store, _):
        await claimed(store, ME, [4])
        saves = (store.save_positions(ME, [HomePosition(4, 1, at(each))]) for each in sequences)
        await asyncio.gather(*saves)
        assert (await one(store, 4)).position == at(100)


async def test_what_is_freed_is_nobodys_at_the_next_epoch(homes: HomeStores) -> None:
    """With its last position; to free it again, as when no answer came, changes nothing."""
    async with homes() as (store, other):
        await claimed(store, ME, [1, 2])
        await claimed(other, THEM, [3])
        last = [HomePosition(1, 1, at(5)), HomePosition(2, 7, at(5)), HomePosition(3, 1, at(5))]
        for _ in range(2):
            await store.free(ME, last)
            view = await other.look()
            assert view.partitions[1] == Partition(1, None, 2, at(5))
            assert view.partitions[2] == Partition(2, ME, 1, BEGIN)
            assert view.partitions[3] == Partition(3, THEM, 1, BEGIN)


async def test_a_save_that_lands_after_the_partition_was_freed_is_refused(
    homes: HomeStores,
) -> None:
    """Also when I have claimed it again: the epoch is another one."""
    late = [HomePosition(1, 1, at(9))]
    async with homes() as (store, other):
        await claimed(store, ME, [1])
        await store.free(ME, [HomePosition(1, 1, at(5))])
        assert await store.save_positions(ME, late) == 0
        [again] = await claimed(store, ME, [1])
        assert again == Partition(1, ME, 3, at(5))
        assert await store.save_positions(ME, late) == 0
        assert await one(other, 1) == again


async def test_a_position_that_is_lowered_is_so_at_the_next_epoch(homes: HomeStores) -> None:
    """So that a save from before is refused; only its home may, and stays at home."""
    lowered = Place(3, 1, "another")
    async with homes() as (store, other):
        await claimed(store, ME, [1])
        await store.save_positions(ME, [HomePosition(1, 1, at(9))])
        await other.lower(THEM, [HomePosition(1, 1, BEGIN)])
        assert await one(store, 1) == Partition(1, ME, 1, at(9))
        for _ in range(2):
            await store.lower(ME, [HomePosition(1, 1, lowered)])
            assert await one(other, 1) == Partition(1, ME, 2, lowered)
        assert await store.save_positions(ME, [HomePosition(1, 1, at(10))]) == 0
        assert await store.save_positions(ME, [HomePosition(1, 2, at(4))]) == 1
        assert await one(other, 1) == Partition(1, ME, 2, at(4))


async def test_a_rewind_takes_partitions_from_a_running_home(homes: HomeStores) -> None:
    """Which is refused from then on, and may claim them again to read from there."""
    async with homes() as (store, command):
        await claimed(store, ME, [1])
        await store.save_positions(ME, [HomePosition(1, 1, at(9))])
        seen = (await command.look()).partitions[:3]
        assert await command.rewind(seen, at(3)) == 3
        assert await store.save_positions(ME, [HomePosition(1, 1, at(10))]) == 0
        await store.free(ME, [HomePosition(1, 1, at(10))])
        assert await one(store, 1) == Partition(1, None, 2, at(3))
        assert await one(store, 0) == Partition(0, None, 1, at(3))
        assert await claimed(store, ME, [1]) == [Partition(1, ME, 3, at(3))]


async def test_a_rewind_of_what_has_changed_hands_meanwhile_is_nothing(homes: HomeStores) -> None:
    """It counts what it did; that the home's position moved on is no reason."""
    async with homes() as (store, command):
        await claimed(store, ME, [1, 2])
        seen = (await command.look()).partitions
        await store.save_positions(ME, [HomePosition(1, 1, at(9))])
        await claimed(store, THEM, [2])
        assert await command.rewind([seen[1], seen[2]], at(3)) == 1
        assert await command.rewind([], at(3)) == 0
        view = await store.look()
        assert view.partitions[1:3] == (
            Partition(1, None, 2, at(3)),
            Partition(2, THEM, 2, BEGIN),
        )


async def test_a_rewind_against_a_home_that_saves_leaves_one_of_both(homes: HomeStores) -> None:
    """Whoever is faster: in the end the partition is nobody's and stands where it was set."""
    async with homes() as (store, command):
        await claimed(store, ME, range(PARTITIONS))
        seen = (await command.look()).partitions
        saves = [
            store.save_positions(ME, [HomePosition(number, 1, at(9))])
            for number in range(PARTITIONS)
        ]
        rewound, *_ = await asyncio.gather(command.rewind(seen, at(3)), *saves)
        assert rewound == PARTITIONS
        view = await store.look()
        assert set(view.partitions) == {Partition(n, None, 2, at(3)) for n in range(PARTITIONS)}


async def test_the_streams_that_the_service_made_are_remembered(homes: HomeStores) -> None:
    """Whatever they are called, with the creation that was noted last."""
    names = ["alarms", "$KV_x", "%24", "__proto__", "🚨", "a-b_c/d"]
    async with homes() as (store, other):
        assert await other.streams_made() == {}
        await asyncio.gather(*(store.note_stream(name, "before") for name in names))
        await asyncio.gather(*(other.note_stream(name, f"{name} 1") for name in names))
        assert await store.streams_made() == {name: f"{name} 1" for name in names}


async def test_who_claims_leaves_word_of_the_form_that_it_writes(homes: HomeStores) -> None:
    """Before it writes anything; an older version that comes later is to leave it alone."""
    async with homes() as (store, _):
        assert (await store.look()).schema == 0
        await claimed(store, ME, [5])
        assert (await store.look()).schema == SCHEMA
        [partition] = await claimed(store, THEM, [5])
        await store.free(THEM, [HomePosition(5, partition.epoch, at(1))])
        assert (await store.look()).schema == SCHEMA


async def test_how_a_home_ended_is_stored_with_the_claim_of_the_next(homes: HomeStores) -> None:
    """As whoever claims says; but nothing is, where it was at home before."""
    hand = Stretch(8, at(9))
    ended, freed = Ends(2, 7, hand, 1), Ends(1, 7)
    async with homes() as (store, other):
        [mine] = await claimed(store, ME, [5])
        await other.claim(THEM, [mine._replace(ends=ended)])
        theirs = await one(store, 5)
        assert theirs == Partition(5, THEM, 2, BEGIN, ended)
        await other.note_in_hand(THEM, [InHand(5, 2, hand)])
        await other.claim(THEM, [theirs._replace(ends=freed)])
        assert (await one(store, 5)).ends == ended._replace(in_hand=hand)
        await other.save_positions(THEM, [HomePosition(5, 3, at(7))])
        await other.lower(THEM, [HomePosition(5, 3, at(6))])
        await other.free(THEM, [HomePosition(5, 4, at(7))])
        nobodys = await one(store, 5)
        assert nobodys == Partition(5, None, 5, at(7), ended._replace(in_hand=hand))
        await store.claim(ME, [nobodys._replace(ends=ended)])
        assert (await one(store, 5)).ends == ended


async def test_what_is_in_hand_is_noted_by_its_home_at_its_epoch_only(homes: HomeStores) -> None:
    """Nothing in hand leaves what is known; when it is over, all of that is forgotten."""
    hand = Stretch(8, at(9))
    async with homes() as (store, other):
        await claimed(store, ME, [1, 2, 3])
        await claimed(other, THEM, [2])
        notes = [InHand(1, 1, hand), InHand(2, 1, hand), InHand(3, 7, hand)]
        assert await store.note_in_hand(ME, notes) == 1
        assert await store.note_in_hand(THEM, notes[:1]) == 0
        assert await store.note_in_hand(ME, []) == 0
        view = await other.look()
        assert [each.ends.in_hand for each in view.partitions[1:4]] == [hand, None, None]
        assert await store.note_in_hand(ME, notes[:1]) == 1
        assert await store.note_in_hand(ME, [InHand(1, 1, None)]) == 1
        assert (await one(other, 1)).ends == NO_ENDS
        await store.note_in_hand(ME, notes[:1])
        assert await store.note_in_hand(ME, [InHand(1, 1, None, over=True)]) == 1
        assert await one(other, 1) == Partition(1, ME, 1, BEGIN)
