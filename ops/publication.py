"""Publishing with proof: for whoever must not go on before a message is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nats.aio.client import Client
    from nats.aio.msg import Msg

ANSWER_WITHIN_S = 5.0


class PublicationRefusedError(Exception):
    """Raised when whoever takes a subject did not take a message; the text is their reason."""


async def publish_proved(
    client: Client, subject: str, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """Publish and wait for the word of whoever takes it.

    A stream answers that it has the message; on core NATS the service answers after its
    checkpoint. Raises ``PublicationRefusedError``, or ``nats.errors.Error`` without an answer.
    """
    answer = await client.request(
        subject, body, timeout=ANSWER_WITHIN_S, headers=dict(headers) if headers else None
    )
    refusal = refusal_of(answer)
    if refusal is not None:
        raise PublicationRefusedError(refusal)


def refusal_of(answer: Msg) -> str | None:
    """Return why a publication was not taken; None when it was.

    A stream answers with its name and a sequence, the service on core NATS with ``+OK``.
    """
    if answer.data == b"+OK":
        return None
    if (answer.headers or {}).get("Status") == "503":
        return "nobody takes this subject: is the service running?"
    try:
        said = json.loads(answer.data)
        if "stream" in said and "seq" in said and "error" not in said:
            return None
    except (ValueError, TypeError):
        pass
    return answer.data.decode(errors="replace")
