"""``dead-letters list | show | replay | drop`` against a live service."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker import Broker
    from tests.deployment import Deployment, Ended

EVENT = json.dumps(
    {"AlarmID": "a", "UserID": "u", "Status": "WARNING", "ChangedAt": "2021-06-07T20:40:15Z"}
).encode()
BAD = b"nonsense \x1b[31m"
BINARY = b"\xff\xfe"


async def rejected(broker: Broker, *bodies: bytes) -> None:
    """Have the service reject these bodies, in this order."""
    for body in bodies:
        await broker.put(broker.names.events, body)
        await broker.settled()


def listed(deployment: Deployment, *filters: str) -> list[dict[str, Any]]:
    """Return what ``list`` says."""
    ended = deployment.command("dead-letters", "list", "--json", *filters)
    assert ended.status == 0, ended.stderr
    return ended.json_lines


def sequences(letters: list[dict[str, Any]]) -> list[int]:
    """Return what the letters are called by."""
    return [letter["sequence"] for letter in letters]


async def test_letters_are_listed_with_reason_place_and_body(deployment: Deployment) -> None:
    """Exactly, where machines read; harmless, where people do."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BAD, BINARY, b'{"UserID": "u"}')
        bad, binary, partial = listed(deployment)
        assert (bad["body"], bad["original_sequence"]) == (BAD.decode(), 1)
        assert bad["subject"] == broker.names.events
        assert "not JSON" in bad["reason"]
        assert base64.b64decode(binary["body_base64"]) == BINARY
        assert partial["reason"] == "AlarmID is missing"
    table = deployment.command("dead-letters", "list")
    assert "nonsense \\x1b[31m" in table.text
    assert "\x1b" not in table.text


async def test_a_list_can_be_limited_filtered_and_counted(deployment: Deployment) -> None:
    """Thousands of one kind must not hide the one of another."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, b"{}", b"{}", b"[]")
        newest = deployment.command("dead-letters", "list", "--json", "--limit", "2")
        assert sequences(newest.json_lines) == [2, 3]
        assert "2 of 3" in newest.stderr
        assert sequences(listed(deployment, "--reason", "MISSING")) == [1, 2]
        assert sequences(listed(deployment, "--subject", broker.names.requests)) == []
        assert len(listed(deployment, "--subject", broker.names.events)) == 3
    counted = listed(deployment, "--by-reason")
    assert [(kind["letters"], kind["newest"]) for kind in counted] == [(2, 2), (1, 3)]


async def test_a_letter_is_shown_and_its_body_written_byte_for_byte(
    deployment: Deployment,
) -> None:
    """By the sequence that the list gives."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BINARY)
    assert deployment.command("dead-letters", "show", "1", "--body").stdout == BINARY
    assert deployment.command("dead-letters", "show", "1", "--json").json["bytes"] == 2
    assert "reason" in deployment.command("dead-letters", "show", "1").text


async def test_what_can_be_handled_now_is_replayed_and_gone(deployment: Deployment) -> None:
    """An event that was rejected for a limit is applied once the limit is raised."""
    service = deployment.start(MAX_BODY_BYTES=10)
    async with deployment.broker() as broker:
        await rejected(broker, EVENT)
        assert service.terminate() == 0
        deployment.start()
        ended = deployment.command("dead-letters", "replay", "1")
        assert ended.status == 0, ended.stderr
        changed = f"this changes {deployment.names.dead_letters} at nats://127.0.0.1:"
        assert ended.stderr.startswith(changed)
        assert "1 replayed" in ended.stderr
        await broker.settled()
        await broker.request("u")
        (alarm,) = (await broker.next_digest())["ActiveAlarms"]
        assert alarm["AlarmID"] == "a"
    assert listed(deployment) == []


async def test_replaying_all_ends_although_some_are_rejected_again(
    deployment: Deployment,
) -> None:
    """What comes back during the replay is not part of it."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BAD, b"{}", b"[]")
        ended = deployment.command("dead-letters", "replay", "--all", "--json")
        assert [done["sequence"] for done in ended.json_lines] == [1, 2, 3]
        await broker.settled()
        again = listed(deployment)
    assert sequences(again) == [4, 5, 6]
    assert [letter["body"] for letter in again] == [BAD.decode(), "{}", "[]"]


async def test_a_dry_run_and_a_filter_change_only_what_they_say(deployment: Deployment) -> None:
    """Nothing at all, and what fits."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BAD, b"{}")
        dry = deployment.command("dead-letters", "replay", "--all", "--dry-run")
        assert "would be replayed" in dry.text
        assert sequences(listed(deployment)) == [1, 2]
        deployment.command("dead-letters", "replay", "--all", "--reason", "missing")
        await broker.settled()
    assert sequences(listed(deployment)) == [1, 3]


async def test_a_letter_is_kept_when_nothing_confirms_its_replay(deployment: Deployment) -> None:
    """Published first, deleted after the stream has said that it has it."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BAD)
        assert service.terminate() == 0
        await broker.js.delete_stream(broker.names.input_stream)
    ended = deployment.command("dead-letters", "replay", "1")
    assert ended.status == 1
    assert "nobody takes this subject" in ended.stderr
    assert sequences(listed(deployment)) == [1]


async def test_headers_do_not_make_an_operator_publish_anywhere(deployment: Deployment) -> None:
    """Whoever may publish a dead letter writes its headers; ``--to`` is the operator's own word."""
    deployment.start()
    async with deployment.broker() as broker:
        headers = {"Dead-Letter-Subject": "$JS.API.STREAM.DELETE.X", "Dead-Letter-Reason": "forged"}
        await broker.js.publish(broker.names.dead_letters, EVENT, headers=headers)
        refused = deployment.command("dead-letters", "replay", "--all")
        assert refused.status == 1
        assert "see --to" in refused.stderr
        assert sequences(listed(deployment)) == [1]
        ended = deployment.command("dead-letters", "replay", "1", "--to", broker.names.events)
        assert ended.status == 0
        await broker.settled()
        assert listed(deployment) == []
        await broker.request("u")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 1


async def test_a_letter_that_was_cut_is_not_replayed(
    deployment: Deployment, tmp_path: Path
) -> None:
    """It is no message that anybody has sent: shown, refused with the reason, dropped."""
    body = b"x" * 1900
    with running(prepare_nats(tmp_path / "nats", "max_payload: 2048\n")) as server:
        deployment.nats_url = server.url
        deployment.start()
        async with deployment.broker() as broker:
            await rejected(broker, body)
            (letter,) = listed(deployment)
            assert letter["cut_from"] == 1900
            assert letter["bytes"] == len(letter["body"]) < 1900
            assert body.startswith(letter["body"].encode())
            assert "cut from 1900 bytes" in deployment.command("dead-letters", "list").text
            replayed = deployment.command("dead-letters", "replay", "1", "--to", "elsewhere")
            assert replayed.status == 1
            assert "its body was cut from 1900 bytes" in replayed.stderr
            assert len(listed(deployment)) == 1
            assert "1 dropped" in deployment.command("dead-letters", "drop", "1").stderr
        assert listed(deployment) == []
        deployment.end()


async def test_dropping_all_asks_first(deployment: Deployment) -> None:
    """Without an answer nothing is dropped."""
    deployment.start()
    async with deployment.broker() as broker:
        await rejected(broker, BAD, b"{}")
    assert deployment.answered("n\n", "dead-letters", "drop", "--all").status == 1
    assert sequences(listed(deployment)) == [1, 2]
    ended = deployment.command("dead-letters", "drop", "--all", "--reason", "JSON", "--yes")
    assert ended.status == 0
    assert sequences(listed(deployment)) == [2]
    assert deployment.answered("y\n", "dead-letters", "drop", "--all").status == 0
    assert listed(deployment) == []


@pytest.mark.parametrize("verb", ["show", "replay", "drop"])
def test_a_letter_that_is_not_there_ends_with_status_3(deployment: Deployment, verb: str) -> None:
    """One line, nothing done."""
    deployment.start()
    ended: Ended = deployment.command("dead-letters", verb, "99")
    assert (ended.status, ended.text) == (3, "")
    assert ended.stderr == "main.py: there is no dead letter 99\n"


@pytest.mark.parametrize("arguments", [["replay"], ["drop", "1", "--all"], ["replay", "0"]])
def test_a_selection_that_means_nothing_is_a_usage_error(
    deployment: Deployment, arguments: list[str]
) -> None:
    """Before anything is connected."""
    assert deployment.command("dead-letters", *arguments).status == 2


def test_without_a_stream_of_dead_letters_the_command_says_so(deployment: Deployment) -> None:
    """As before the first start of the service."""
    ended = deployment.command("dead-letters", "list")
    assert ended.status == 1
    assert "no stream keeps" in ended.stderr
