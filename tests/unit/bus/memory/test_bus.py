"""The twin of the bus: a broker that keeps a log and drops repeats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.errors import PublishFailedError
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from actors.rules.partitions import PARTITIONS, InstanceID, Partition
from actors.rules.positions import BEGIN
from bus.memory.bus import InMemoryBroker, InMemoryBus
from bus.outbound.message import OutgoingMessage
from bus.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.messages.inputs import Delivery
    from actors.messages.router import RouteDeliveries

SUBJECTS = Subjects()
EVENT_BODY = b'{"UserID":"u1","AlarmID":"a1","Status":"WARNING","ChangedAt":"1970-01-01T00:00:00Z"}'
ITEMS = tuple(DigestItem(AlarmID(f"a{n}"), Severity.WARNING, n) for n in range(9))
DIGEST = Digest(DigestID("d1"), UserID("u1"), ITEMS)
LOST = PublishFailedError("the connection was lost")


@dataclass
class Process:
    """One process at the broker, home of all partitions, and what it was handed."""

    broker: InMemoryBroker
    arrived: list[Delivery] = field(default_factory=list)
    timers: list[Callable[[], None]] = field(default_factory=list)
    posts: list[Callable[[], None]] = field(default_factory=list)
    bus: InMemoryBus = field(init=False)

    def __post_init__(self) -> None:
        """Connect."""
        self.bus = InMemoryBus(
            self.broker,
            SUBJECTS,
            self._deliver,
            lambda _: None,
            self.posts.append,
            lambda _, action: self.timers.append(action),
            lambda: 0.0,
        )

    def read(self) -> None:
        """Read all there is from the begin."""
        me = InstanceID("me")
        self.bus.log.gain([Partition(number, me, 1, BEGIN) for number in range(PARTITIONS)])
        while self.posts:
            self.posts.pop(0)()

    def settled_up_to(self) -> int:
        """Return the sequence up to which everything is settled."""
        return min(place.sequence for place in self.bus.log.positions().values())

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self.arrived.extend(deliveries.items)


def _put(broker: InMemoryBroker, body: bytes = EVENT_BODY) -> int:
    return broker.put(SUBJECTS.alarm_status_changed, body).sequence


def test_every_process_reads_what_was_put_in() -> None:
    """What one has settled is there for the other: a log is read, not consumed."""
    broker = InMemoryBroker()
    for _ in range(2):
        _put(broker)
    for process in Process(broker), Process(broker):
        process.read()
        assert len(process.arrived) == 2
        process.bus.acknowledge([process.arrived[0].token])
        assert process.settled_up_to() == 1


def test_a_repeat_of_a_message_id_is_dropped() -> None:
    """What JetStream does within its duplicate window, on whatever subject."""
    broker = InMemoryBroker()
    broker.publish(OutgoingMessage("a", b"1", {"Nats-Msg-Id": "x"}))
    broker.publish(OutgoingMessage("b", b"2", {"Nats-Msg-Id": "x"}))
    broker.publish(OutgoingMessage("a", b"3", {"Nats-Msg-Id": "y"}))
    assert [item.body for item in broker.published] == [b"1", b"3"]


def test_publications_without_an_id_are_all_kept() -> None:
    """Nothing says that they are repeats."""
    broker = InMemoryBroker()
    for _ in range(2):
        broker.publish(OutgoingMessage("a", b"1", {}))
    assert broker.bodies("a") == [b"1", b"1"]
    assert broker.bodies("b") == []


def test_a_digest_published_again_by_an_heir_is_kept_once() -> None:
    """Both are told that the stream has it."""
    broker = InMemoryBroker()
    settled: list[PublishFailedError | None] = []
    for process in (Process(broker), Process(broker)):
        process.bus.publish([DIGEST], settled.append)
    assert settled == [None, None]
    assert len(broker.bodies(SUBJECTS.alarm_digest)) == 1


def test_a_fault_is_given_to_the_publisher_and_nothing_is_kept() -> None:
    """Asked with the subject, before each publication."""
    asked: list[str] = []

    def fault(subject: str) -> PublishFailedError | None:
        asked.append(subject)
        return LOST

    broker = InMemoryBroker(fault=fault)
    settled: list[PublishFailedError | None] = []
    Process(broker).bus.publish([DIGEST], settled.append)
    assert settled == [LOST]
    assert asked == [SUBJECTS.alarm_digest]
    assert broker.published == []


def test_a_message_over_the_limit_is_refused_headers_counted() -> None:
    """As a real server counts."""
    refused: list[PublishFailedError | None] = []
    message = OutgoingMessage("s", b"abc", {"Nats-Msg-Id": "x"})
    taken_bytes = len(b"NATS/1.0\r\nNats-Msg-Id: x\r\n\r\n") + 3
    for limit in (taken_bytes - 1, taken_bytes):
        broker = InMemoryBroker(max_payload_bytes=limit)
        Process(broker).bus.send([message], refused.extend)
    assert isinstance(refused[0], PublishFailedError)
    assert refused[1] is None


def test_a_large_digest_is_kept_in_parts() -> None:
    """The twin splits by its own limit."""
    broker = InMemoryBroker(max_payload_bytes=300)
    settled: list[PublishFailedError | None] = []
    Process(broker).bus.publish([DIGEST], settled.append)
    assert settled == [None]
    assert len(broker.bodies(SUBJECTS.alarm_digest)) > 1


def test_a_rejected_message_is_settled_once_its_dead_letter_is_kept() -> None:
    """While it cannot be published the position stays below it."""
    failures = [LOST]
    broker = InMemoryBroker(fault=lambda _: failures.pop() if failures else None)
    _put(broker, b"{}")
    process = Process(broker)
    process.read()
    assert process.settled_up_to() == 0
    *_, retry = process.timers
    retry()
    assert broker.bodies(SUBJECTS.dead_letter) == [b"{}"]
    assert process.settled_up_to() == 1
    assert process.arrived == []


def test_a_rejected_message_as_large_as_the_broker_takes_does_not_stay() -> None:
    """It would come back for ever: its dead letter is cut to what is taken."""
    broker = InMemoryBroker(max_payload_bytes=100_000)
    body = b"x" * broker.max_payload_bytes
    _put(broker, body)
    process = Process(broker)
    process.read()
    [letter] = broker.published
    assert letter.size == broker.max_payload_bytes
    assert (letter.subject, letter.headers["Dead-Letter-Cut"]) == (SUBJECTS.dead_letter, "100000")
    assert body.startswith(letter.body)
    assert process.settled_up_to() == 1


def test_a_dead_letter_asked_for_by_the_actors_is_kept_once() -> None:
    """Also when two processes give up on the same message."""
    broker = InMemoryBroker()
    _put(broker)
    for process in Process(broker), Process(broker):
        process.read()
        process.bus.dead_letter(
            [process.arrived[0].token], Rejection(RejectionKind.CRASHED, "the handling crashed")
        )
        assert process.settled_up_to() == 1
    [published] = broker.published
    assert published.subject == SUBJECTS.dead_letter
    assert published.body == EVENT_BODY
    assert published.headers["Dead-Letter-Reason"] == "the handling crashed"
