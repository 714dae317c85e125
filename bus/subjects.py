"""Which subject means what."""

from __future__ import annotations

from dataclasses import dataclass

from actors.settings import require, setting


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of the four messages."""

    alarm_status_changed: str = setting(
        "ALARM_STATUS_CHANGED_SUBJECT", "AlarmStatusChanged", "subject of the events, in"
    )
    send_alarm_digest: str = setting(
        "SEND_ALARM_DIGEST_SUBJECT", "SendAlarmDigest", "subject of the requests, in"
    )
    alarm_digest: str = setting("ALARM_DIGEST_SUBJECT", "AlarmDigest", "subject of the digests")
    dead_letter: str = setting(
        "DEAD_LETTER_SUBJECT", "AlarmDeadLetter", "subject of rejected messages"
    )

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a subject that cannot be published to, or names two."""
        named = {
            "ALARM_STATUS_CHANGED_SUBJECT": self.alarm_status_changed,
            "SEND_ALARM_DIGEST_SUBJECT": self.send_alarm_digest,
            "ALARM_DIGEST_SUBJECT": self.alarm_digest,
            "DEAD_LETTER_SUBJECT": self.dead_letter,
        }
        for which, subject in named.items():
            tokens = subject.split(".")
            usable = all(tokens) and not any(char in subject for char in " \t\r\n*>\0")
            require(usable, which, f"{subject!r} is not a subject without wildcards")
        require(
            len(set(named.values())) == len(named),
            "ALARM_DIGEST_SUBJECT",
            "the four subjects must differ",
        )

    @property
    def inputs(self) -> list[str]:
        """The subjects this service consumes."""
        return [self.alarm_status_changed, self.send_alarm_digest]


def covers(pattern: str, subject: str) -> bool:
    """Whether a pattern matches all that ``subject``, which may end in ``>``, stands for."""
    wanted = subject.split(".")
    elements = pattern.split(".")
    for place, element in enumerate(elements):
        if element == ">":
            return place < len(wanted)
        if place >= len(wanted) or wanted[place] == ">":
            return False
        if element not in ("*", wanted[place]):
            return False
    return len(elements) == len(wanted)
