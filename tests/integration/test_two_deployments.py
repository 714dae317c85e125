"""Commands that ask one deployment's service and read another one's MongoDB say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS = "another deployment: the service that answers over NATS works on another database than this"


@pytest.fixture
def other(nats_url: str, mongodb_uri: str, tmp_path: Path) -> Iterator[Deployment]:
    """A second one, of which nothing runs that would not be started by the test."""
    folder = tmp_path / "other"
    folder.mkdir()
    made = Deployment(nats_url, mongodb_uri, folder)
    yield made
    made.end()


@pytest.mark.parametrize("line", ["members", "user list", "history u"])
async def test_what_is_shown_is_said_to_be_of_two(
    line: str, deployment: Deployment, other: Deployment
) -> None:
    """Right after the data: a forgotten variable of another clone, say; of one, nothing is said."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
    mixed = deployment.command(*line.split(), MONGODB_DATABASE=other.names.database)
    assert WORDS in mixed.stderr
    assert "MONGODB_URI and MONGODB_DATABASE" in mixed.stderr
    assert "another deployment" not in deployment.command(*line.split()).stderr


def test_the_doctor_has_it_for_a_risk(deployment: Deployment, other: Deployment) -> None:
    """Be the other database one of a service that lives, or one that nobody has used yet."""
    deployment.start()
    for _ in range(2):
        ended = deployment.command("doctor", "--json", MONGODB_DATABASE=other.names.database)
        assert ended.status == 1
        assert WORDS in [one["says"] for one in ended.json["findings"] if one["level"] == "risk"]
        other.start()
    sound = deployment.command("doctor", "--json")
    assert WORDS not in [one["says"] for one in sound.json["findings"]]


async def test_positions_of_another_deployment_are_not_set_back(
    deployment: Deployment, other: Deployment
) -> None:
    """It would be the log of the one and the database of the other."""
    deployment.start()
    other.start()
    async with deployment.broker() as broker:
        await broker.event("u", "a")
        await broker.settled()
    line = ["rewind", "--to", "1", "--yes"]
    ended = deployment.command(*line, MONGODB_DATABASE=other.names.database)
    assert ended.status == 1
    assert WORDS in ended.stderr


def test_on_core_nats_nothing_can_be_said(deployment: Deployment, other: Deployment) -> None:
    """No instance is written down there."""
    deployment.start(DELIVERY="core")
    mixed = deployment.command("user", "list", MONGODB_DATABASE=other.names.database)
    assert "another deployment" not in mixed.stderr
