"""Answering inquiries: body in, body out, on a thread that may block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from actors.errors import StoreUnavailableError
from ops.inquiries.form import InquiryError, ListInquiry, ShowInquiry
from ops.users.live import ActorsBusyError
from ops.users.stored import UnreadableUserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ops.users.known import KnownUsers
    from ops.users.report import UserReport

ALARMS_MAX = 10_000
"""Alarms of one user in an answer at the most, whatever a message could hold."""


class AnswerError(Exception):
    """Raised when an inquiry gets an error for an answer."""

    def __init__(self, code: str, description: str) -> None:
        """Answer with an HTTP-like code and a sentence."""
        super().__init__(description)
        self.code = code
        self.description = description


class Answering:
    """Answers what is asked of this process. Called from several threads at a time."""

    def __init__(
        self,
        known: KnownUsers,
        max_bytes: int,
        figures: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Look at users through ``known``; answers are of ``max_bytes`` at the most.

        ``figures`` returns what this instance says of itself.
        """
        self._known = known
        self._max_bytes = max_bytes
        self._figures = figures

    def show(self, body: bytes) -> bytes:
        """Answer a ``ShowInquiry`` with a ``UserReport``, wherever the user is at home.

        Raises ``AnswerError``.
        """
        return self._show(body, self._known.show)

    def show_here(self, body: bytes) -> bytes:
        """Answer it without asking anybody else; raises ``AnswerError``."""
        return self._show(body, self._known.show_here)

    def instance(self, body: bytes) -> bytes:
        """Answer anything with what this instance says of itself."""
        del body
        return orjson.dumps({} if self._figures is None else self._figures())

    def _show(self, body: bytes, look: Callable[..., UserReport]) -> bytes:
        try:
            inquiry = ShowInquiry.decode(body)
            limit = min(inquiry.limit or ALARMS_MAX, ALARMS_MAX)
            report = look(inquiry.user_id, limit, inquiry.alarm_id)
        except InquiryError as error:
            raise AnswerError("400", str(error)) from error
        except StoreUnavailableError as error:
            raise AnswerError("503", f"no answer from MongoDB: {error}") from error
        except UnreadableUserError as error:
            raise AnswerError("500", str(error)) from error
        return self._fitting(report)

    def list(self, body: bytes) -> bytes:
        """Answer a ``ListInquiry`` with the live users and their number; raises ``AnswerError``."""
        try:
            inquiry = ListInquiry.decode(body)
            lines = self._known.list_live(inquiry.user_ids, inquiry.limit)
            live = self._known.count_live()
        except InquiryError as error:
            raise AnswerError("400", str(error)) from error
        except ActorsBusyError as error:
            raise AnswerError("504", str(error)) from error
        answer = orjson.dumps({"live": live, "users": lines})
        while len(answer) > self._max_bytes and lines:
            lines = lines[: len(lines) // 2]
            answer = orjson.dumps({"live": live, "users": lines})
        return answer

    def _fitting(self, report: UserReport) -> bytes:
        """Return the report, with fewer alarms where all that were asked for do not fit."""
        fields = report.to_fields()
        answer = orjson.dumps(fields)
        while len(answer) > self._max_bytes and fields["alarms"]:
            fields["alarms"] = fields["alarms"][: len(fields["alarms"]) // 2]
            answer = orjson.dumps(fields)
        return answer
