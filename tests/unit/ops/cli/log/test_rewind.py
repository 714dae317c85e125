"""Where ``rewind`` goes back to, by what the server says, and whom it takes for alive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from nats.aio.msg import Msg

from actors.rules.partitions import HomesView
from actors.rules.positions import Place
from bus.wire.instants import format_instant, parse_instant
from ops.cli.failures import CommandError
from ops.cli.log.rewind import _at_work, _find
from ops.homes.rewinding import Log
from ops.homes.watching import Watched
from ops.settings import Settings
from tests.unit.ops.homes.test_members import watched
from tests.unit.ops.homes.views import LEASE_S, instance, partitions, stored

if TYPE_CHECKING:
    from typing import Any, Self

    from nats.aio.client import Client

NOW_S = 1_000.0
CREATED = "2021-06-07T20:40:15Z"
SECOND = 10**9


class Server:
    """A stream with a message a second, as JetStream's API tells it."""

    def __init__(self, first: int, last: int, gone: tuple[int, ...] = ()) -> None:
        """Have these messages, but for those that are gone."""
        self.first, self.last, self.gone = first, last, gone

    @property
    def client(self) -> Client:
        """It, as what it stands for."""
        return cast("Client", self)

    def jetstream(self, timeout: float) -> Self:
        """See ``Client``."""
        del timeout
        return self

    async def find_stream_name_by_subject(self, subject: str) -> str:
        """See ``JetStreamContext``."""
        del subject
        return "INPUT"

    async def request(self, subject: str, body: bytes, timeout: float) -> Msg:  # noqa: ASYNC109  # the client's own name
        """Answer as a server does."""
        del timeout
        asked = json.loads(body) if body else {}
        return Msg(cast("Any", None), data=json.dumps(self._answer(subject, asked)).encode())

    def _answer(self, subject: str, asked: dict[str, Any]) -> dict[str, Any]:
        if ".STREAM.INFO." in subject:
            state = {"first_seq": self.first, "last_seq": self.last}
            return {"config": {"name": "INPUT"}, "created": CREATED, "state": state}
        if ".STREAM.MSG.GET." in subject:
            sequence = asked["seq"]
            if not self.first <= sequence <= self.last or sequence in self.gone:
                return {"error": {"code": 404, "err_code": 10037, "description": "no message"}}
            return {"message": {"seq": sequence, "time": format_instant(sequence * SECOND)}}
        if ".CONSUMER.CREATE." in subject:
            since_ns = parse_instant(asked["config"]["opt_start_time"])
            at = max(self.first, min(self.last + 1, -(-since_ns // SECOND)))
            return {"name": "probe", "delivered": {"stream_seq": at - 1}}
        return {"success": True}


async def found(target: str, server: Server) -> tuple[Place, Log]:
    """Return where it would go back to, at 1,000 seconds."""
    return await _find(server.client, Settings(), target, NOW_S)


@pytest.mark.parametrize(
    ("target", "sequence"),
    [("500", 499), ("1000", 999), ("100s", 899), ("1970-01-01T00:08:20Z", 499), ("400", 399)],
)
async def test_a_sequence_or_a_time_is_a_position(target: str, sequence: int) -> None:
    """On the message before, by which reading knows the log again."""
    position, log = await found(target, Server(300, 1_000))
    assert position == Place(sequence, sequence * SECOND, CREATED)
    assert log == Log(CREATED, 300, 1_000, "INPUT")


async def test_the_logs_first_message_has_none_before_it() -> None:
    """What a position below the log stands on is asked of nobody."""
    assert (await found("300", Server(300, 1_000)))[0] == Place(299, 0, CREATED)
    assert (await found("1", Server(1, 9)))[0] == Place(0, 0, CREATED)


async def test_over_a_hole_it_goes_back_to_a_message_that_is_there() -> None:
    """Else the whole log would be read again."""
    position, _ = await found("500", Server(300, 1_000, gone=(499, 498)))
    assert position == Place(497, 497 * SECOND, CREATED)
    position, _ = await found("303", Server(300, 1_000, gone=(300, 301, 302)))
    assert position == Place(299, 0, CREATED)


@pytest.mark.parametrize(
    ("target", "server", "words"),
    [
        ("1001", Server(300, 1_000), "never forward"),
        ("0s", Server(300, 900), "never forward"),
        ("299", Server(300, 1_000), "begins at sequence 300"),
        ("900s", Server(300, 1_000), "begins later, at sequence 300"),
    ],
)
async def test_what_the_log_does_not_have_is_refused(
    target: str, server: Server, words: str
) -> None:
    """In words that say what can be had."""
    with pytest.raises(CommandError, match=words):
        await found(target, server)


async def test_before_a_log_that_has_lost_nothing_is_its_beginning() -> None:
    """There is nothing that it does not have."""
    assert (await found("1h", Server(1, 1_000)))[0] == Place(0, 0, CREATED)


def test_whoever_gives_a_sign_of_life_is_at_work() -> None:
    """What a restored database remembers of instances is not."""
    a, b = instance("a"), instance("b")
    watch = watched(*[(a, b._replace(beat=number)) for number in range(6)])
    view = HomesView((a, b), partitions({}))
    assert _at_work(Watched(stored(view), watch), LEASE_S) == ["host-b"]
