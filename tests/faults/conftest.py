"""Servers of a test's own, to be broken: up already, or not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment
from tests.servers import prepare_mongodb, prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Server]:
    """A NATS server that a test may kill, stop and start again."""
    with running(prepare_nats(tmp_path / "nats")) as server:
        yield server


@pytest.fixture
def own_mongodb(tmp_path: Path) -> Iterator[Server]:
    """A MongoDB server, likewise."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        yield server


@pytest.fixture
def own(own_nats: Server, own_mongodb: Server, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on both."""
    deployment = Deployment(own_nats.url, own_mongodb.url, tmp_path)
    yield deployment
    deployment.end()


@pytest.fixture
def late_nats(tmp_path: Path) -> Server:
    """A NATS server that a test starts and ends when it likes."""
    return prepare_nats(tmp_path / "nats")


@pytest.fixture
def late_mongodb(tmp_path: Path) -> Server:
    """A MongoDB server, likewise."""
    return prepare_mongodb(tmp_path / "mongodb")


@pytest.fixture
def early(late_nats: Server, late_mongodb: Server, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on both; MongoDB's absence is noticed soon."""
    uri = f"{late_mongodb.url}/?serverSelectionTimeoutMS=500"
    deployment = Deployment(late_nats.url, uri, tmp_path)
    yield deployment
    deployment.end()
