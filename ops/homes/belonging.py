"""Whether the instances that answer over NATS are those of the database that is read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.partitions import Instance, InstanceID
    from ops.homes.members import MemberFigures

MEND = "set NATS_URL, QUEUE_GROUP, MONGODB_URI and MONGODB_DATABASE as the service has them"


def stranger_than(
    figures: Mapping[InstanceID, MemberFigures], instances: Iterable[Instance]
) -> str | None:
    """Return what to say where somebody answers who is none of the database's ``instances``.

    Each writes itself down there before it answers; on core NATS nobody does, and nothing is said.
    """
    on_log = {one for one, said in figures.items() if said.partitions is not None}
    strangers = on_log - {instance.instance_id for instance in instances}
    if not strangers:
        return None
    who = "the service" if strangers == on_log else f"{len(strangers)} of {len(on_log)} instances"
    return f"another deployment: {who} that answers over NATS works on another database than this"
