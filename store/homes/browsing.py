"""Looking at layout, instances and partitions, for people. Reads, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pymongo
from bson.errors import BSONError
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.partitions import PARTITIONS, HomesView
from store.client import BlockingReader, describe
from store.homes.document import schema_of, to_instance, to_partition
from store.homes.layout import LAYOUT_ID, check_layout, to_streams
from store.homes.mongo import INSTANCES, LAYOUT, LENIENT, PARTITIONS_COLLECTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.settings import StoreSettings

_WITHIN_S = 5.0


class StoredHomes(NamedTuple):
    """What is stored, as it is: nothing is mended."""

    layout_problem: str | None
    """Why this version cannot work with the layout."""
    streams: Mapping[str, str]
    """The creation of each stream that the service has made."""
    view: HomesView
    """Without the partitions that are missing or damaged."""
    damaged: tuple[int, ...]
    """Those partitions; all of them before the first start."""
    damaged_instances: int
    """Documents among the instances that are none."""

    @property
    def made(self) -> bool:
        """Whether an instance has ever been started on this database."""
        return len(self.damaged) < PARTITIONS


class HomeBrowser(BlockingReader):
    """Looks at what is stored of homes. Blocks; use it in a ``with`` block."""

    def __init__(self, settings: StoreSettings) -> None:
        """Prepare; raises ``SettingsError`` like the store."""
        super().__init__(settings)
        self._database = self._client[settings.database].with_options(
            codec_options=LENIENT, read_concern=ReadConcern("majority")
        )

    def look(self) -> StoredHomes:
        """Return what is stored now; raises ``StoreUnavailableError``."""
        try:
            with pymongo.timeout(_WITHIN_S):
                layout = self._database[LAYOUT].find_one({"_id": LAYOUT_ID})
                # In this order: see ``MongoHomeStore.look``.
                partitions = list(self._database[PARTITIONS_COLLECTION].find())
                instances = list(self._database[INSTANCES].find())
        except (PyMongoError, BSONError) as error:
            what = describe(error) if isinstance(error, PyMongoError) else repr(error)
            raise StoreUnavailableError(what) from error
        return _stored(layout, partitions, instances, self._database[LAYOUT].full_name)


def _stored(
    layout: Mapping[str, Any] | None,
    partitions: list[dict[str, Any]],
    instances: list[dict[str, Any]],
    where: str,
) -> StoredHomes:
    problem = None
    try:
        if layout is not None:
            check_layout(layout, where)
    except SettingsError as error:
        problem = str(error)
    whole = {one.number: one for one in map(to_partition, partitions) if one is not None}
    up = [one for one in map(to_instance, instances) if one is not None]
    return StoredHomes(
        problem,
        to_streams(layout),
        HomesView(
            tuple(up), tuple(whole[number] for number in sorted(whole)), schema_of(partitions)
        ),
        tuple(number for number in range(PARTITIONS) if number not in whole),
        len(instances) - len(up),
    )
