"""The way from the actors' threads to the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import UserID
from actors.rules.digest import Digest, DigestID
from bus.inbound.crossing import Crossing
from bus.inbound.intake import Intake, Message
from bus.outbound.digests import DigestSender
from bus.subjects import Subjects
from tests.unit.bus.transport import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.errors import PublishFailedError
    from actors.messages import Deliveries
    from actors.ports import DeliveryToken

SUBJECTS = Subjects()
EVENT_BODY = b'{"UserID":"u1","AlarmID":"a1","Status":"WARNING","ChangedAt":"1970-01-01T00:00:00Z"}'
DIGEST = Digest(DigestID("d1"), UserID("u1"), ())


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts how often another thread woke it."""

    wake_ups = 0

    def call_soon_threadsafe(self, *args: object, **kwargs: object) -> asyncio.Handle:
        """Count, and do it."""
        self.wake_ups += 1
        return super().call_soon_threadsafe(*args, **kwargs)  # type: ignore[arg-type]  # as given

    def turn(self) -> None:
        """Carry out what has been asked for so far."""
        self.call_soon(self.stop)
        self.run_forever()


class FarSide:
    """The bus's half: an intake that holds events 1 to 9, and a transport."""

    def __init__(self, loop: CountingLoop) -> None:
        """Connect a crossing to it."""
        self.log: list[str] = []
        self.threads: set[int] = set()
        self.tokens: list[DeliveryToken] = []
        self.transport = RecordingTransport()
        intake = Intake(SUBJECTS, 1000, self._deliver, self._reject, self._settle)
        intake.take(
            [
                Message(SUBJECTS.alarm_status_changed, EVENT_BODY, f"ack.{n}", f"id.{n}", n)
                for n in range(1, 10)
            ]
        )
        self.crossing = Crossing(loop)
        self.crossing.connect(intake, DigestSender(self.transport, SUBJECTS))

    def _deliver(self, deliveries: Deliveries) -> None:
        self.tokens = [delivery.token for delivery in deliveries.items]

    def _reject(self, message: Message, rejection: Rejection, done: Callable[[], None]) -> None:
        del done
        self.log.append(f"{message.reply} rejected: {rejection.reason}")

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        assert rejection is None
        self.threads.add(threading.get_ident())
        self.log += [message.reply for message in messages]


@pytest.fixture
def loop() -> Iterator[CountingLoop]:
    """An event loop that runs only in a test's turns."""
    loop = CountingLoop()
    yield loop
    loop.close()


def test_nothing_happens_on_the_callers_thread(loop: CountingLoop) -> None:
    """The in-flight table belongs to the loop."""
    far = FarSide(loop)
    far.crossing.acknowledge(far.tokens[:1])
    far.crossing.publish(DIGEST, lambda _: None)
    assert (far.log, far.transport.sent) == ([], [])
    loop.turn()
    assert far.log == ["ack.1"]
    assert len(far.transport.sent) == 1


def test_calls_are_carried_out_in_their_order(loop: CountingLoop) -> None:
    """Acknowledgements and dead letters keep the order in which actors asked."""
    far = FarSide(loop)
    one, two, three, four, *_ = far.tokens
    far.crossing.acknowledge([two])
    far.crossing.dead_letter([one], Rejection(RejectionKind.CRASHED, "crashed"))
    far.crossing.acknowledge([four, three])
    loop.turn()
    assert far.log == ["ack.2", "ack.1 rejected: crashed", "ack.4", "ack.3"]


def test_many_calls_cost_one_wake_up(loop: CountingLoop) -> None:
    """Waking the loop is a system call; they come by the thousand."""
    far = FarSide(loop)
    for token in far.tokens:
        far.crossing.acknowledge([token])
    assert loop.wake_ups == 1
    loop.turn()
    assert len(far.log) == 9


def test_calls_after_a_wake_up_bring_another(loop: CountingLoop) -> None:
    """Nothing is left lying until somebody else calls."""
    far = FarSide(loop)
    for token in far.tokens[:3]:
        far.crossing.acknowledge([token])
        loop.turn()
    assert far.log == ["ack.1", "ack.2", "ack.3"]
    assert loop.wake_ups == 3


def test_a_call_made_while_others_are_carried_out_is_carried_out_too(loop: CountingLoop) -> None:
    """A digest's end may be followed by an acknowledgement on the spot."""
    far = FarSide(loop)

    def settled(error: PublishFailedError | None) -> None:
        assert error is None
        far.crossing.acknowledge(far.tokens[:1])

    far.transport.settles_at_once = True
    far.crossing.publish(DIGEST, settled)
    loop.turn()
    assert far.log == ["ack.1"]


def test_calls_from_several_threads_all_arrive_on_the_loop(loop: CountingLoop) -> None:
    """However they interleave with the loop's turns."""
    far = FarSide(loop)

    def acknowledge(tokens: list[DeliveryToken]) -> None:
        for token in tokens:
            far.crossing.acknowledge([token])

    threads = [
        threading.Thread(target=acknowledge, args=(far.tokens[start::3],)) for start in range(3)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        loop.turn()
    loop.turn()
    assert sorted(far.log) == [f"ack.{number}" for number in range(1, 10)]
    assert far.threads == {threading.get_ident()}


def test_calls_to_a_closed_loop_are_dropped_in_silence(loop: CountingLoop) -> None:
    """The process ends; what is not settled comes back from the broker."""
    far = FarSide(loop)
    loop.close()
    for token in far.tokens:
        far.crossing.acknowledge([token])
    far.crossing.publish(DIGEST, lambda _: None)
    assert (far.log, far.transport.sent) == ([], [])
