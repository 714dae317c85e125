"""What docs/security.md lists for the console: enough, and none of it too many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.access import guarded
from tests.console import TOKEN, asking, start_console
from tests.integration.test_least_privilege import DEFAULT_NAMES, JETSTREAM, PASSWORD, listed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.console import ConsoleClient

MORE = re.findall(r'^  "(.*)"$', listed("nats: console"), re.MULTILINE)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NEEDED_FOR = {
    "$JS.API.STREAM.MSG.GET.ALARM_DEAD_LETTERS": "list",
    "$JS.API.CONSUMER.CREATE.ALARM_DEAD_LETTERS": "list",
    "$JS.API.STREAM.MSG.DELETE.ALARM_DEAD_LETTERS": "replay",
    "AlarmStatusChanged": "replay",
}


def permitting(names: list[str]) -> str:
    """Return a server's configuration, where the service may do that beside its own work."""
    lines = "".join(f'  "{name}"\n' for name in names)
    permissions = JETSTREAM.replace("publish: [\n", f"publish: [\n{lines}", 1)
    return (
        "accounts: { A: { jetstream: enabled, users: [\n"
        f"{{ user: ours, password: {PASSWORD}, permissions: {{ {permissions} }} }},\n"
        f"{{ user: admin, password: {PASSWORD} }} ] }} }}\n"
    )


async def done(console: ConsoleClient) -> dict[str, int]:
    """List the letters and replay the first; return the status of each."""
    listing = await console.get("/api/dead-letters")
    letter = await console.get("/api/dead-letters/1")
    time = letter.fields.get("time", "")
    replay = await console.post("/api/dead-letters/1/replay", {"time": time}, **BEARER)
    return {"list": listing.status, "replay": replay.status}


@pytest.mark.parametrize("lacking", [None, *NEEDED_FOR])
async def test_the_console_needs_what_is_listed_and_no_more(
    lacking: str | None, tmp_path: Path, mongodb_uri: str
) -> None:
    """Without one of them, what it is for is refused in time, and the service goes on."""
    configuration = permitting([name for name in MORE if name != lacking])
    ours = {"NATS_USER": "ours", "NATS_PASSWORD": PASSWORD}
    admin = {"NATS_USER": "admin", "NATS_PASSWORD": PASSWORD}
    more = {**DEFAULT_NAMES, **ours, "NATS_MICRO": "off"}
    more["NATS_INBOX_PREFIX"] = "_INBOX_alarm_digest"
    with guarded(tmp_path, mongodb_uri, configuration) as (_, deployment):
        service = start_console(deployment, **more)
        arguments = ("alarm", "u", "a", "WARNING", "--changed-at", "never")
        sent = deployment.launch("send", *arguments, **{**DEFAULT_NAMES, **admin})
        assert sent.wait() in (0, 2), sent.output()
        service.wait_for("message.dead_lettered")
        async with asking(service) as console:
            statuses = await done(console)
            if lacking is None:
                assert statuses == {"list": 200, "replay": 200}
            else:
                assert statuses[NEEDED_FOR[lacking]] in (502, 503, 504)
                told = [event["error"].lower() for event in service.events("nats.not_permitted")]
                assert any(f'"{lacking.lower()}"' in error for error in told), told
            assert (await console.get("/readyz")).status == 200
