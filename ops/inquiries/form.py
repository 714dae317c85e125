"""What one asks a running service over NATS: names, subjects, requests.

``<QUEUE_GROUP>.user.show`` takes ``{"UserID": "2"}``, and with ``"AlarmID"`` one alarm, with
``"Limit"`` so many. One instance answers, whichever it is: where the user is at home elsewhere, it
asks there, on a subject that ends with that instance's id. ``<QUEUE_GROUP>.user.list`` takes
``{}``, ``{"Limit": 10}`` or ``{"UserIDs": ["2"]}``, ``<QUEUE_GROUP>.instance.show`` anything; each
instance answers for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import orjson

from actors.rules.alarms import AlarmID, UserID
from ops.users.live import ASKED_AT_ONCE_MAX

_ALARMS_LISTED = 100
_USERS_LISTED = 50


class InquiryError(Exception):
    """Raised when a request cannot be understood; the text is for whoever sent it."""


def service_name(queue_group: str) -> str:
    """Return the name under which NATS micro tools see the service."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", queue_group)


def show_subject(queue_group: str) -> str:
    """Return the subject that a ``ShowInquiry`` is sent to."""
    return f"{queue_group}.user.show"


def list_subject(queue_group: str) -> str:
    """Return the subject that a ``ListInquiry`` is sent to."""
    return f"{queue_group}.user.list"


def home_subject(queue_group: str, instance_id: str) -> str:
    """Return the subject on which one instance is asked for a user at home with it."""
    return f"{show_subject(queue_group)}.{instance_id}"


def instance_subject(queue_group: str) -> str:
    """Return the subject on which each instance tells its own figures."""
    return f"{queue_group}.instance.show"


@dataclass(frozen=True, slots=True)
class ShowInquiry:
    """Asks for one user."""

    user_id: UserID
    alarm_id: AlarmID | None = None
    """The one alarm that is wanted, if it is one."""
    limit: int | None = _ALARMS_LISTED
    """Alarms listed at the most; None for as many as a message holds."""

    def encode(self) -> bytes:
        """Return the request's body."""
        return orjson.dumps(
            {"UserID": self.user_id, "AlarmID": self.alarm_id, "Limit": self.limit or 0}
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a request; raises ``InquiryError``."""
        fields = _fields(body)
        user_id, alarm_id = fields.get("UserID"), fields.get("AlarmID")
        if not isinstance(user_id, str):
            raise InquiryError("UserID is missing, or not a string")
        if not isinstance(alarm_id, str | None):
            raise InquiryError("AlarmID is not a string")
        limit = _limit(fields, _ALARMS_LISTED)
        return cls(UserID(user_id), None if alarm_id is None else AlarmID(alarm_id), limit or None)


@dataclass(frozen=True, slots=True)
class ListInquiry:
    """Asks which users are in memory."""

    user_ids: tuple[UserID, ...] | None = None
    """Those of interest; None for those used last."""
    limit: int = _USERS_LISTED

    def encode(self) -> bytes:
        """Return the request's body."""
        return orjson.dumps({"UserIDs": self.user_ids, "Limit": self.limit})

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a request; raises ``InquiryError``."""
        fields = _fields(body)
        user_ids = fields.get("UserIDs")
        limit = _limit(fields, _USERS_LISTED)
        if not 0 < limit <= ASKED_AT_ONCE_MAX:
            raise InquiryError(f"Limit is not between 1 and {ASKED_AT_ONCE_MAX}")
        if user_ids is None:
            return cls(None, limit)
        if not isinstance(user_ids, list) or not all(isinstance(one, str) for one in user_ids):
            raise InquiryError("UserIDs is not a list of strings")
        return cls(tuple(UserID(one) for one in user_ids), limit)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise InquiryError(f"the request is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InquiryError("the request is not a JSON object")
    return fields


def _limit(fields: dict[str, Any], default: int) -> int:
    limit = fields.get("Limit", default)
    if not isinstance(limit, int) or limit < 0:
        raise InquiryError("Limit is not a whole number of 0 or more")
    return limit
