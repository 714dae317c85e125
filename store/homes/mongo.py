"""MongoHomeStore: instances, partitions and the layout in MongoDB."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.partitions import PARTITIONS, HomesView
from store.client import answered_within, client_for, opening
from store.homes.document import from_instance, schema_of, to_instance, to_mendings, to_partition
from store.homes.layout import LAYOUT_ID, check_layout, to_making, to_noting, to_streams
from store.homes.statements import (
    to_claims,
    to_freeings,
    to_lowerings,
    to_notes,
    to_rewindings,
    to_saves,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pymongo.asynchronous.collection import AsyncCollection

    from actors.rules.partitions import HomePosition, InHand, Instance, InstanceID, Partition
    from actors.rules.positions import Place
    from store.homes.statements import Statement
    from store.settings import StoreSettings

logger = logging.getLogger("store.homes")

INSTANCES, PARTITIONS_COLLECTION, LAYOUT = "instances", "partitions", "layout"
"""The collections. ``PARTITIONS_COLLECTION`` is part of the contract (``docs/operations``)."""

_LATE_BY_MAX = 1_000
"""Beats; a deadline apart at the most, they are hours."""

_DUPLICATE_KEY = 11000

LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)
"""A shell may have written what the driver does not decode; only what is asked for matters."""


class MongoHomeStore:
    """See ``store.homes.document`` and ``store.homes.layout`` for what is stored.

    Runs on one event loop, with a client of its own: a beat must not wait for a connection behind
    the saves of users.
    """

    def __init__(
        self,
        settings: StoreSettings,
        within_s: float,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the client, which connects when first used.

        Every call ends within ``within_s``. Raises ``SettingsError`` like the other store.
        """
        self._within_s = within_s
        self._wall_s = wall_s
        self._durable = WriteConcern(w="majority", j=True, wtimeout=int(within_s * 1000))
        self._client = client_for(settings)
        self._database = self._client[settings.database].with_options(
            codec_options=LENIENT,
            read_preference=ReadPreference.PRIMARY,
            write_concern=self._durable,
            read_concern=ReadConcern("majority"),
        )
        self._instances = self._database[INSTANCES]
        self._partitions = self._database[PARTITIONS_COLLECTION]
        self._layout = self._database[LAYOUT]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def open(self) -> None:
        """Make what is missing of the layout and the partitions; others may do so meanwhile.

        Raises ``SettingsError`` for a layout that is not this version's, and when the server
        refuses our credentials or what we need to do; ``StoreUnavailableError`` when it does not
        answer.
        """
        async with answered_within(self._within_s):
            with opening(self._layout.full_name):
                await self._update(self._layout, [to_making()])
                found = await self._layout.find_one({"_id": LAYOUT_ID})
            check_layout(found or {}, self._layout.full_name)
            with opening(self._partitions.full_name):
                await self._read_partitions()
            with opening(self._instances.full_name):
                await self._instances.find_one({}, {"_id": 1})

    async def beat(self, instance: Instance) -> None:
        """See ``HomeStore``. One that lands behind a later one of the same instance is nothing."""
        # A beat that is no number, or far ahead, is none of that instance's: a shell wrote it.
        later = {"$gte": instance.beat, "$lt": instance.beat + _LATE_BY_MAX}
        expected = {"_id": instance.instance_id, "beat": {"$not": later}}
        statement = {"q": expected, "u": from_instance(instance), "upsert": True}
        async with answered_within(self._within_s):
            await self._update(self._instances, [statement])

    async def look(self) -> HomesView:
        """See ``HomeStore``. Mends what is damaged (``store.homes.document``)."""
        async with answered_within(self._within_s):
            # In this order: whoever has claimed what is seen here has beaten before, and is seen
            # below; the other way round a newcomer were taken for dead.
            partitions, schema = await self._read_partitions()
            documents = await self._instances.find().to_list()
        instances = (to_instance(document) for document in documents)
        return HomesView(tuple(one for one in instances if one is not None), partitions, schema)

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        await self._change(to_claims(me, wanted))

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """See ``HomeStore``."""
        return await self._change(to_saves(me, positions))

    async def note_in_hand(self, me: InstanceID, notes: Sequence[InHand]) -> int:
        """See ``HomeStore``."""
        return await self._change(to_notes(me, notes))

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        await self._change(to_lowerings(me, positions))

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        await self._change(to_freeings(me, positions))

    async def rewind(self, partitions: Sequence[Partition], position: Place) -> int:
        """Make partitions nobody's, to be read again from ``position``; return how many were.

        Each only if its epoch is still as in ``partitions``: nobody has come or gone meanwhile.
        """
        return await self._change(to_rewindings(partitions, position))

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """See ``HomeStore``."""
        async with answered_within(self._within_s):
            await self._instances.delete_many({"_id": {"$in": list(instances)}})

    async def note_stream(self, stream: str, created: str) -> None:
        """Remember a stream that the service made; ``created`` tells it from others of its name."""
        async with answered_within(self._within_s):
            await self._update(self._layout, [to_noting(stream, created)])

    async def streams_made(self) -> Mapping[str, str]:
        """Return the streams that the service made, each with its creation."""
        async with answered_within(self._within_s):
            return to_streams(await self._layout.find_one({"_id": LAYOUT_ID}))

    async def _change(self, statements: list[Statement]) -> int:
        if not statements:
            return 0
        async with answered_within(self._within_s):
            return await self._update(self._partitions, statements)

    async def _update(
        self, collection: AsyncCollection[dict[str, Any]], statements: list[Statement]
    ) -> int:
        """Run one update command, never twice, and return how many statements matched."""
        answer = await self._database.command(
            {
                "update": collection.name,
                "updates": statements,
                "ordered": False,
                "writeConcern": self._durable.document,
            }
        )
        not_durable = answer.get("writeConcernError")
        if not_durable is not None:
            raise StoreUnavailableError(f"not durable: {not_durable.get('errmsg')}")
        for failure in answer.get("writeErrors", ()):
            # Of an upsert: somebody else was faster, and has written what is to be there.
            if failure["code"] != _DUPLICATE_KEY:
                raise StoreUnavailableError(f"code {failure['code']}: {failure.get('errmsg')}")
        matched: int = answer["n"]
        return matched

    async def _read_partitions(self) -> tuple[tuple[Partition, ...], int]:
        documents = await self._partitions.find().to_list()
        mendings = to_mendings(documents, int(self._wall_s()))
        if mendings:
            await self._may_mend()
            if len(mendings) < PARTITIONS:
                # What was read and checkpointed of them is read again: it may take its time.
                logger.error("store.partitions_mended", extra={"partitions": sorted(mendings)})
            await self._update(self._partitions, list(mendings.values()))
            documents = await self._partitions.find().to_list()
        read = (to_partition(document) for document in documents)
        partitions = {one.number: one for one in read if one is not None}
        if len(partitions) < PARTITIONS:
            damaged = min(set(range(PARTITIONS)) - set(partitions))
            raise StoreUnavailableError(
                f"partition {damaged} is damaged and cannot be mended: remove its document from "
                f"{self._partitions.full_name}"
            )
        whole = tuple(partitions[number] for number in range(PARTITIONS))
        return whole, schema_of(documents)

    async def _may_mend(self) -> None:
        """See that what is damaged for us is not a newer version's form of it."""
        found = await self._layout.find_one({"_id": LAYOUT_ID})
        try:
            if found is not None:
                check_layout(found, self._layout.full_name)
        except SettingsError as error:
            raise StoreUnavailableError(str(error)) from error
