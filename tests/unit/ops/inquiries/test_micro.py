"""Answers to NATS micro tools: what an error says fits a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.inquiries.answering import AnswerError
from ops.inquiries.micro import _respond

if TYPE_CHECKING:
    from nats.micro.request import Request


class Asked:
    """A request that notes how it was refused."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.refusals: list[tuple[str, str]] = []

    async def respond_error(self, code: str, description: str) -> None:
        """Note it; both become headers."""
        self.refusals.append((code, description))


async def test_a_refusal_that_quotes_line_ends_is_one_line_of_ascii() -> None:
    """A UserID may hold them, and an error may quote the id."""
    asked = Asked()
    request: Request = asked  # type: ignore[assignment]  # as much of one as is used
    user = "u\r\nNats-Service-Error-Code: 200\r\n\r\n\x1b[2J\u2028"
    await _respond(request, AnswerError("404", f"no user {user!s}" + "x" * 1000))
    [(code, description)] = asked.refusals
    assert code == "404"
    assert description.startswith("no user u Nats-Service-Error-Code: 200 \\x1b[2J\\u2028")
    assert description.isascii()
    assert description.isprintable()
    assert len(description) == 500
