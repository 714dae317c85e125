"""What is said about other instances as they come and go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.rules.watching import is_dead, is_outdated

if TYPE_CHECKING:
    from actors.rules.partitions import InstanceID
    from actors.rules.watching import Watch

logger = logging.getLogger("actors.home")


def say_standing_by(watch: Watch, me: InstanceID, instances: int) -> None:
    """Log that there is nothing for this instance to have, and why."""
    if is_outdated(watch, me):
        about = {
            "reads_up_to": watch.seen[me].instance.schema,
            "stored": watch.schema,
            "mend": "start the version that wrote it, or a later one, and stop this",
        }
        logger.warning("home.outdated", extra=about)
    else:
        logger.info("home.standing_by", extra={"instances": instances})


def say_what_changed(before: Watch, after: Watch, me: InstanceID, lease_s: float) -> None:
    """Log who came, went, or gave no sign of life between two looks."""
    for instance, seen in after.seen.items():
        if instance == me:
            continue
        fields = {"instance": instance, "instance_name": seen.instance.name}
        earlier = before.seen.get(instance)
        if is_dead(after, instance, lease_s):
            if earlier is None or not is_dead(before, instance, lease_s):
                silence_s = round(after.silence_s(instance), 3)
                logger.warning("instance.dead", extra={**fields, "silence_s": silence_s})
        elif seen.instance.leaving and (earlier is None or not earlier.instance.leaving):
            logger.info("instance.leaving", extra=fields)
        elif seen.beats > 1 and (earlier is None or earlier.beats == 1):
            logger.info("instance.joined", extra=fields)
    for instance, seen in before.seen.items():
        if instance not in after.seen and instance != me:
            fields = {"instance": instance, "instance_name": seen.instance.name}
            logger.info("instance.left", extra=fields)
