"""What changes a partition: statements of MongoDB's update command, each a compare-and-set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.rules.ends import NO_ENDS
from store.homes.document import from_ends, from_stretch, to_moving
from store.users.document import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.partitions import HomePosition, InHand, InstanceID, Partition
    from actors.rules.positions import Place

Statement = dict[str, Any]


def to_claims(me: InstanceID, wanted: Sequence[Partition]) -> list[Statement]:
    """Make each mine at the next epoch, if home and epoch are as in ``wanted``.

    Where it was mine, ends are left: what is in hand may have been noted since.
    """
    return [
        {
            "q": {"_id": partition.number, "home": partition.home, "epoch": partition.epoch},
            "u": {
                "$set": {"home": me, "epoch": partition.epoch + 1}
                | (
                    {}
                    if partition.home == me or partition.ends == NO_ENDS
                    else {"ends": from_ends(partition.ends)}
                ),
                "$max": {"schema": SCHEMA},
            },
        }
        for partition in wanted
    ]


def to_saves(me: InstanceID, positions: Sequence[HomePosition]) -> list[Statement]:
    """Save positions of mine, upwards only: a save that timed out may land after the next one."""
    return [
        _statement(
            {
                "_id": number,
                "home": me,
                "epoch": epoch,
                "position.sequence": {"$lte": position.sequence},
            },
            to_moving(position),
        )
        for number, epoch, position in positions
    ]


def to_notes(me: InstanceID, notes: Sequence[InHand]) -> list[Statement]:
    """Note what is in hand of mine."""
    return [
        {"q": {"_id": one.number, "home": me, "epoch": one.epoch}, "u": _noting(one)}
        for one in notes
    ]


def _noting(note: InHand) -> Statement:
    if note.over:
        return {"$unset": {"ends": ""}}
    if note.stretch is None:
        return {"$unset": {"ends.in_hand": ""}}
    return {"$set": {"ends.in_hand": from_stretch(note.stretch)}}


def to_lowerings(me: InstanceID, positions: Sequence[HomePosition]) -> list[Statement]:
    """Set positions of mine, whatever they are, at the next epoch."""
    return [
        _statement(
            {"_id": number, "home": me, "epoch": epoch},
            {"epoch": epoch + 1, **to_moving(position)},
        )
        for number, epoch, position in positions
    ]


def to_freeings(me: InstanceID, positions: Sequence[HomePosition]) -> list[Statement]:
    """Make what is mine nobody's at the next epoch, with these positions."""
    return [
        _statement(
            {"_id": number, "home": me, "epoch": epoch},
            {"home": None, "epoch": epoch + 1, **to_moving(position)},
        )
        for number, epoch, position in positions
    ]


def to_rewindings(partitions: Sequence[Partition], position: Place) -> list[Statement]:
    """Make them nobody's at the next epoch, whoever is at home, with that position."""
    return [
        _statement(
            {"_id": partition.number, "epoch": partition.epoch},
            {"home": None, "epoch": partition.epoch + 1, **to_moving(position)},
        )
        for partition in partitions
    ]


def _statement(expected: dict[str, Any], changes: dict[str, Any]) -> Statement:
    return {"q": expected, "u": {"$set": changes}}
