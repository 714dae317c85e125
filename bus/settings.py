"""Settings of the bus, checked at construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from actors.settings import CENTURY_S, require, setting
from bus.subjects import Subjects
from bus.wire.ownership import LARGEST_BODY_BYTES

_PLAIN = ("nats", "tls")
_WEBSOCKET = ("ws", "wss")


class DeliveryMode(StrEnum):
    """How messages are to reach the service."""

    AUTO = "auto"
    """JetStream when the server has it, else core."""
    JETSTREAM = "jetstream"
    CORE = "core"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to prove who we are; at most one way."""

    credentials_file: str | None = setting(
        "NATS_CREDENTIALS", None, "credentials file for NATS (a .creds file)"
    )
    nkey_seed_file: str | None = setting("NATS_NKEY_SEED", None, "file with an NKey seed for NATS")
    token: str | None = setting("NATS_TOKEN", None, "token for NATS", secret=True)
    user: str | None = setting("NATS_USER", None, "user for NATS")
    password: str | None = setting("NATS_PASSWORD", None, "its password", secret=True)

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

    ca_file: str | None = setting(
        "NATS_TLS_CA", None, "file with the certificate authority to trust for NATS"
    )
    certificate_file: str | None = setting(
        "NATS_TLS_CERT", None, "file with the client certificate for NATS"
    )
    key_file: str | None = setting("NATS_TLS_KEY", None, "file with its private key")
    first: bool = setting(
        "NATS_TLS_FIRST",
        default=False,
        meaning="whether to encrypt before the NATS server says anything, as one with "
        "handshake_first wants it",
        choices={"on": True, "off": False},
    )

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
        return self.ca_file is not None or self.certificate_file is not None or self.first


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Names and limits of what is created when it does not exist."""

    input_stream: str = setting(
        "INPUT_STREAM", "ALARM_INPUT", "stream created for the input subjects when none has them"
    )
    digest_stream: str = setting(
        "DIGEST_STREAM", "ALARM_DIGESTS", "stream created for the digests when none has them"
    )
    dead_letter_stream: str = setting(
        "DEAD_LETTER_STREAM",
        "ALARM_DEAD_LETTERS",
        "stream created for the dead letters when none has them",
    )
    replicas: int = setting("STREAM_REPLICAS", 1, "replicas of the streams created: 1, 3 or 5")
    digest_max_age_s: int = setting(
        "DIGEST_MAX_AGE", 7 * 24 * 3600, "seconds a created stream keeps digests; 0 for ever"
    )
    dead_letter_max_age_s: int = setting(
        "DEAD_LETTER_MAX_AGE", 0, "seconds a created stream keeps dead letters; 0 for ever"
    )
    duplicate_window_s: float = setting(
        "DUPLICATE_WINDOW", 120.0, "seconds a created stream drops repeats of a message id"
    )
    input_history_s: float = setting(
        "INPUT_HISTORY",
        3600.0,
        "seconds a created input stream keeps what is checkpointed: for history, and for a "
        "database that is restored from a backup not older than this",
    )

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work."""
        for which, name in {
            "INPUT_STREAM": self.input_stream,
            "DIGEST_STREAM": self.digest_stream,
            "DEAD_LETTER_STREAM": self.dead_letter_stream,
        }.items():
            require(_is_name(name), which, f"{name!r} is not a name for a stream")
        require(self.replicas in (1, 3, 5), "STREAM_REPLICAS", "must be 1, 3 or 5")
        streams = {self.input_stream, self.digest_stream, self.dead_letter_stream}
        require(len(streams) == 3, "DIGEST_STREAM", "the three streams must differ in name")
        for which, age_s in {
            "DIGEST_MAX_AGE": self.digest_max_age_s,
            "DEAD_LETTER_MAX_AGE": self.dead_letter_max_age_s,
        }.items():
            mend = f"must be 0 (for ever) or at most {CENTURY_S} seconds"
            require(0 <= age_s <= CENTURY_S, which, mend)
        require(
            1 <= self.duplicate_window_s <= CENTURY_S,
            "DUPLICATE_WINDOW",
            f"must be 1 to {CENTURY_S} seconds: it keeps digests from being told twice",
        )
        require(
            not self.digest_max_age_s or self.duplicate_window_s <= self.digest_max_age_s,
            "DUPLICATE_WINDOW",
            "must not exceed DIGEST_MAX_AGE",
        )
        require(
            0 <= self.input_history_s <= 10 * 366 * 24 * 3600,
            "INPUT_HISTORY",
            "must be 0 (nothing is kept longer than it must) to ten years, in seconds",
        )


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Where NATS is, and how to use it."""

    urls: tuple[str, ...] = setting(
        "NATS_URL",
        ("nats://127.0.0.1:4222",),
        "NATS servers, comma-separated: nats://, tls://, ws:// or wss://, with user and password "
        "percent-encoded",
        secret=True,  # may hold passwords
    )
    delivery: DeliveryMode = setting(
        "DELIVERY",
        DeliveryMode.AUTO,
        "jetstream (at least once), core (at most once), or auto: jetstream if the server has it",
        choices={mode.value: mode for mode in DeliveryMode},
    )
    queue_group: str = setting(
        "QUEUE_GROUP",
        "alarm-digester",
        "name of the queue group on core NATS, and of the instances to NATS micro tools",
    )
    inbox_prefix: str = setting(
        "NATS_INBOX_PREFIX", "_INBOX", "begin of the subjects on which NATS answers us"
    )
    max_in_flight: int = setting("MAX_IN_FLIGHT", 50_000, "messages taken and not yet settled")
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES", 64 * 1024, "bytes of a message's body at the most; up to 1 MiB"
    )
    subjects: Subjects = field(default_factory=Subjects)
    streams: StreamSettings = field(default_factory=StreamSettings)
    credentials: Credentials = field(default_factory=Credentials)
    tls: TLS = field(default_factory=TLS)

    @property
    def nudge_subject(self) -> str:
        """Where instances tell each other that something has changed."""
        return f"{self.queue_group}.nudge"

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value that cannot work; never with a secret in it."""
        require(bool(self.urls), "NATS_URL", "must name at least one server")
        for url in self.urls:
            scheme, separator, rest = url.partition("://")
            usable = bool(separator) and bool(rest) and scheme in (*_PLAIN, *_WEBSOCKET)
            require(
                usable, "NATS_URL", "must be nats://, tls://, ws:// or wss:// URLs, comma-separated"
            )
        over_websocket = {url.partition("://")[0] in _WEBSOCKET for url in self.urls}
        require(
            len(over_websocket) == 1,
            "NATS_URL",
            "mixes ws:// or wss:// with nats:// or tls://; name servers of one kind",
        )
        require(
            not (self.tls.first and over_websocket == {True}),
            "NATS_TLS_FIRST",
            "is for nats:// and tls:// URLs; a wss:// one is encrypted first in any case",
        )
        require(
            _is_name(self.queue_group),
            "QUEUE_GROUP",
            f"{self.queue_group!r} is not a name for a queue group (no dots, spaces or wildcards)",
        )
        require(
            all(_is_name(token) for token in self.inbox_prefix.split(".")),
            "NATS_INBOX_PREFIX",
            f"{self.inbox_prefix!r} is not the begin of a subject (no wildcards or spaces)",
        )
        require(0 < self.max_in_flight <= 10**7, "MAX_IN_FLIGHT", "must be 1 to 10000000")
        require(
            0 < self.max_body_bytes <= LARGEST_BODY_BYTES,
            "MAX_BODY_BYTES",
            f"must be 1 to {LARGEST_BODY_BYTES}: an event has some 170 bytes, 4 KiB at the most",
        )


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 200 and not any(char in text for char in " .*>/\\\t\r\n\0")
