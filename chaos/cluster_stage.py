"""The stage of a scenario of clusters: three NATS servers and three of MongoDB, up already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.stage import PROBE_TIMEOUT_S, Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.process.child import ChildProcess
    from tests.clusters import Clusters


class ClusterStage(Stage):
    """What is broken is one member of three: the others are to go on, and the service with them."""

    def __init__(
        self,
        folder: Path,
        clusters: Clusters,
        settings: dict[str, object],
        *,
        quick: bool,
        rate: float,
        progress: Callable[[str], None],
    ) -> None:
        """Play on ``clusters``, which run, and go on running when the play is over."""
        self.clusters = clusters
        super().__init__(
            folder,
            {"STREAM_REPLICAS": 3, **settings},
            proxied=False,
            quick=quick,
            rate=rate,
            progress=progress,
        )
        self.elections_s: list[float] = []
        """How long the servers themselves did not answer, for each fault."""

    @property
    def input_stream(self) -> str:
        """The stream of the input subjects."""
        return self.deployment.names.input_stream

    def leader(self) -> ChildProcess:
        """Return the NATS server that leads the input stream."""
        nats = self.clusters.nats
        return nats.members[nats.leader(self.input_stream)]

    def primary(self) -> ChildProcess:
        """Return the MongoDB server that is primary."""
        mongodb = self.clusters.mongodb
        return mongodb.members[mongodb.primary()]

    def cured(self) -> None:
        """Measure how long the servers do not answer, then how long the service does not."""
        self.elections_s.append(self.field.servers_answer(PROBE_TIMEOUT_S))
        self.whole_at_s.append(time.monotonic())
        super().cured()

    def whole(self) -> None:
        """Return when every member is back, and has what the others have."""
        self.clusters.nats.whole(self.input_stream)
        self.clusters.nats.whole(self.deployment.names.digest_stream)
        self.clusters.mongodb.whole()

    def _prepare_servers(self, folder: Path) -> tuple[str, str]:  # noqa: ARG002  # not its own
        return self.clusters.nats.url, self.clusters.mongodb.url

    def _start_servers(self) -> None:
        """They run."""

    def _end_servers(self) -> None:
        """Whoever has started them ends them."""
