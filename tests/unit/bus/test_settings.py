"""Settings of the bus: each refusal names its setting, none tells a secret."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from actors.errors import SettingsError
from bus.settings import TLS, BusSettings, Credentials, DeliveryMode, StreamSettings

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "hunter2"
NAN, INFINITE = float("nan"), float("inf")
LONG = "x" * 201


@pytest.mark.parametrize(
    ("make", "values", "setting"),
    [
        (BusSettings, {"urls": ()}, "NATS_URL"),
        (BusSettings, {"urls": ("",)}, "NATS_URL"),
        (BusSettings, {"urls": ("127.0.0.1:4222",)}, "NATS_URL"),
        (BusSettings, {"urls": ("nats://",)}, "NATS_URL"),
        (BusSettings, {"urls": ("nats://a", "http://b")}, "NATS_URL"),
        (BusSettings, {"urls": ("nats://a", "ws://b")}, "NATS_URL"),
        (BusSettings, {"urls": ("wss://a", "tls://b")}, "NATS_URL"),
        (BusSettings, {"queue_group": ""}, "QUEUE_GROUP"),
        (BusSettings, {"queue_group": "a.b"}, "QUEUE_GROUP"),
        (BusSettings, {"queue_group": "a b"}, "QUEUE_GROUP"),
        (BusSettings, {"queue_group": "a*"}, "QUEUE_GROUP"),
        (BusSettings, {"queue_group": "a/b"}, "QUEUE_GROUP"),
        (BusSettings, {"queue_group": LONG}, "QUEUE_GROUP"),
        (BusSettings, {"max_in_flight": 0}, "MAX_IN_FLIGHT"),
        (BusSettings, {"max_body_bytes": 0}, "MAX_BODY_BYTES"),
        (StreamSettings, {"input_stream": "a.b"}, "INPUT_STREAM"),
        (StreamSettings, {"digest_stream": ""}, "DIGEST_STREAM"),
        (StreamSettings, {"dead_letter_stream": "a>"}, "DEAD_LETTER_STREAM"),
        (StreamSettings, {"replicas": 0}, "STREAM_REPLICAS"),
        (StreamSettings, {"replicas": 2}, "STREAM_REPLICAS"),
        (StreamSettings, {"digest_max_age_s": -1}, "DIGEST_MAX_AGE"),
        (StreamSettings, {"dead_letter_max_age_s": -1}, "DEAD_LETTER_MAX_AGE"),
        (StreamSettings, {"duplicate_window_s": 0}, "DUPLICATE_WINDOW"),
        (StreamSettings, {"duplicate_window_s": NAN}, "DUPLICATE_WINDOW"),
        (StreamSettings, {"duplicate_window_s": INFINITE}, "DUPLICATE_WINDOW"),
        (StreamSettings, {"duplicate_window_s": 1e12}, "DUPLICATE_WINDOW"),
        (StreamSettings, {"digest_max_age_s": 10**12}, "DIGEST_MAX_AGE"),
        (StreamSettings, {"dead_letter_max_age_s": 10**12}, "DEAD_LETTER_MAX_AGE"),
        (StreamSettings, {"digest_stream": "ALARM_INPUT"}, "DIGEST_STREAM"),
        (BusSettings, {"max_body_bytes": 10**12}, "MAX_BODY_BYTES"),
        (BusSettings, {"max_in_flight": 10**12}, "MAX_IN_FLIGHT"),
        (
            StreamSettings,
            {"digest_max_age_s": 60, "duplicate_window_s": 61.0},
            "DUPLICATE_WINDOW",
        ),
        (StreamSettings, {"input_history_s": -1}, "INPUT_HISTORY"),
        (StreamSettings, {"input_history_s": NAN}, "INPUT_HISTORY"),
        (Credentials, {"token": SECRET, "credentials_file": "a.creds"}, "NATS_CREDENTIALS"),
        (Credentials, {"nkey_seed_file": "a.nk", "credentials_file": "a"}, "NATS_CREDENTIALS"),
        (Credentials, {"token": SECRET, "user": "u", "password": SECRET}, "NATS_CREDENTIALS"),
        (Credentials, {"user": "u"}, "NATS_USER"),
        (Credentials, {"password": SECRET}, "NATS_USER"),
        (BusSettings, {"urls": ("wss://a",), "tls": TLS(first=True)}, "NATS_TLS_FIRST"),
        (TLS, {"certificate_file": "client.pem"}, "NATS_TLS_CERT"),
        (TLS, {"key_file": "client.key"}, "NATS_TLS_CERT"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_its_setting(
    make: Callable[..., object], values: dict[str, Any], setting: str
) -> None:
    """One line, the setting first, and no secret in it."""
    with pytest.raises(SettingsError) as refusal:
        make(**values)
    text = str(refusal.value)
    assert text.startswith(f"{setting}: ")
    assert len(text) > len(setting) + 10
    assert "\n" not in text
    assert SECRET not in text


def test_a_refused_url_does_not_show_its_password() -> None:
    """URLs may hold user and password, and the error goes to a log."""
    with pytest.raises(SettingsError) as refusal:
        BusSettings(urls=(f"http://alice:{SECRET}@nats.example",))
    assert SECRET not in str(refusal.value)
    assert "alice" not in str(refusal.value)


def test_no_secret_is_in_a_repr() -> None:
    """Settings are logged by accident sooner or later."""
    by_token = BusSettings(
        urls=(f"nats://alice:{SECRET}@nats.example",), credentials=Credentials(token=SECRET)
    )
    by_password = BusSettings(credentials=Credentials(user="bob", password=SECRET))
    assert SECRET not in repr(by_token)
    assert SECRET not in repr(by_password)
    assert "bob" in repr(by_password)


def test_what_holds_a_secret_is_left_out_of_what_is_printed() -> None:
    """And nothing else is."""
    secret = {
        field.metadata["setting"]
        for settings in (BusSettings, Credentials, TLS, StreamSettings)
        for field in dataclasses.fields(settings)
        if "setting" in field.metadata and not field.repr
    }
    assert secret == {"NATS_URL", "NATS_TOKEN", "NATS_PASSWORD"}


def test_the_defaults_are_those_of_the_contract() -> None:
    """An operator who sets nothing gets these."""
    settings = BusSettings()
    assert settings.urls == ("nats://127.0.0.1:4222",)
    assert settings.delivery is DeliveryMode.AUTO
    assert settings.queue_group == "alarm-digester"
    assert settings.max_in_flight == 50_000
    assert settings.max_body_bytes == 64 * 1024


def test_every_scheme_of_nats_is_taken() -> None:
    """Plain, encrypted, and both through WebSockets; several servers too."""
    for urls in (("nats://a:4222", "tls://b"), ("ws://c", "wss://d")):
        assert BusSettings(urls=urls).urls == urls


@pytest.mark.parametrize(
    "values",
    [
        {"credentials_file": "a.creds"},
        {"nkey_seed_file": "a.nk"},
        {"token": "t"},
        {"user": "u", "password": "p"},
        {"user": "u", "password": ""},
    ],
)
def test_one_way_to_prove_who_we_are_is_enough(values: dict[str, str]) -> None:
    """Each of the ways stands alone; a password may be empty."""
    credentials = Credentials(**values)
    assert {name: getattr(credentials, name) for name in values} == values


def test_digests_kept_for_ever_allow_any_duplicate_window() -> None:
    """An age of 0 is no limit."""
    settings = StreamSettings(digest_max_age_s=0, duplicate_window_s=86_400.0)
    assert settings.duplicate_window_s == 86_400.0


@pytest.mark.parametrize(
    ("tls", "wanted"),
    [
        (TLS(), False),
        (TLS(ca_file="ca.pem"), True),
        (TLS(certificate_file="client.pem", key_file="client.key"), True),
    ],
)
def test_encryption_is_wanted_when_anything_of_it_is_set(tls: TLS, *, wanted: bool) -> None:
    """A certificate authority alone, or a client's certificate."""
    assert tls.wanted is wanted


def test_settings_cannot_be_changed_once_checked() -> None:
    """A change would get past the checks."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        BusSettings().max_in_flight = 0  # type: ignore[misc]  # that is the point
