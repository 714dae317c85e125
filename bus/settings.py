"""Settings of the bus, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from actors.settings import require
from bus.subjects import Subjects


class DeliveryMode(StrEnum):
    """How messages are to reach the service."""

    AUTO = "auto"
    """JetStream when the server has it, else core."""
    JETSTREAM = "jetstream"
    CORE = "core"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to prove who we are; at most one way."""

    credentials_file: str | None = None
    nkey_seed_file: str | None = None
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for several ways at once, or half of one."""
        ways = [self.credentials_file, self.nkey_seed_file, self.token, self.user]
        require(
            sum(way is not None for way in ways) <= 1,
            "NATS_CREDENTIALS",
            "set one of NATS_CREDENTIALS, NATS_NKEY_SEED, NATS_TOKEN, NATS_USER",
        )
        require(
            (self.user is None) == (self.password is None),
            "NATS_USER",
            "goes together with NATS_PASSWORD",
        )


@dataclass(frozen=True, slots=True)
class TLS:
    """How to encrypt, and whom to trust."""

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for half of a key pair."""
        require(
            (self.certificate_file is None) == (self.key_file is None),
            "NATS_TLS_CERT",
            "goes together with NATS_TLS_KEY",
        )

    @property
    def wanted(self) -> bool:
        """Whether anything is set."""
        return self.ca_file is not None or self.certificate_file is not None


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Names and limits of what is created when it does not exist."""

    input_stream: str = "ALARM_INPUT"
    digest_stream: str = "ALARM_DIGESTS"
    dead_letter_stream: str = "ALARM_DEAD_LETTERS"
    replicas: int = 1
    digest_max_age_s: int = 7 * 24 * 3600
    dead_letter_max_age_s: int = 0
    """0 keeps dead letters for ever."""
    duplicate_window_s: float = 120.0
    ack_wait_s: float = 60.0

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        for setting, name in {
            "INPUT_STREAM": self.input_stream,
            "DIGEST_STREAM": self.digest_stream,
            "DEAD_LETTER_STREAM": self.dead_letter_stream,
        }.items():
            require(_is_name(name), setting, f"{name!r} is not a name for a stream")
        require(self.replicas in (1, 3, 5), "STREAM_REPLICAS", "must be 1, 3 or 5")
        require(self.digest_max_age_s >= 0, "DIGEST_MAX_AGE", "must be 0 (for ever) or seconds")
        require(
            self.dead_letter_max_age_s >= 0,
            "DEAD_LETTER_MAX_AGE",
            "must be 0 (for ever) or seconds",
        )
        require(
            self.duplicate_window_s >= 1,
            "DUPLICATE_WINDOW",
            "must be at least 1 second: it keeps digests from being told twice",
        )
        require(
            not self.digest_max_age_s or self.duplicate_window_s <= self.digest_max_age_s,
            "DUPLICATE_WINDOW",
            "must not exceed DIGEST_MAX_AGE",
        )
        require(self.ack_wait_s >= 3, "ACK_WAIT", "must be at least 3 seconds")


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Where NATS is, and how to use it."""

    urls: tuple[str, ...] = field(default=("nats://127.0.0.1:4222",), repr=False)
    """May hold passwords."""
    delivery: DeliveryMode = DeliveryMode.AUTO
    queue_group: str = "alarm-digester"
    subjects: Subjects = field(default_factory=Subjects)
    streams: StreamSettings = field(default_factory=StreamSettings)
    credentials: Credentials = field(default_factory=Credentials)
    tls: TLS = field(default_factory=TLS)
    max_in_flight: int = 50_000
    max_body_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work; never with a secret in it."""
        require(bool(self.urls), "NATS_URL", "must name at least one server")
        for url in self.urls:
            scheme, separator, rest = url.partition("://")
            usable = bool(separator) and bool(rest) and scheme in ("nats", "tls", "ws", "wss")
            require(usable, "NATS_URL", "must be nats:// or tls:// URLs, comma-separated")
        require(
            _is_name(self.queue_group),
            "QUEUE_GROUP",
            f"{self.queue_group!r} is not a name for a consumer (no dots, spaces or wildcards)",
        )
        require(self.max_in_flight > 0, "MAX_IN_FLIGHT", "must be at least 1")
        require(self.max_body_bytes > 0, "MAX_BODY_BYTES", "must be at least 1")


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 200 and not any(char in text for char in " .*>/\\\t\r\n\0")
