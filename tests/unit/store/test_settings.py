"""Settings of the store: each refusal names its setting, none tells a secret."""

from __future__ import annotations

import pytest

from actors.errors import SettingsError
from store.settings import StoreSettings

SECRET = "hunter2"


@pytest.mark.parametrize("uri", ["", "127.0.0.1:27017", "nats://127.0.0.1", "MONGODB://a", "://a"])
def test_what_is_no_mongodb_uri_is_refused(uri: str) -> None:
    """By its scheme; the driver judges the rest."""
    with pytest.raises(SettingsError, match=r"^MONGODB_URI: must begin with mongodb://"):
        StoreSettings(uri=uri)


@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_both_schemes_of_mongodb_are_taken(scheme: str) -> None:
    """Servers by name, or by a DNS record."""
    uri = f"{scheme}://db.example"
    assert StoreSettings(uri=uri).uri == uri


@pytest.mark.parametrize(
    "name", ["", "a.b", "a b", "$a", "a/b", "a\\b", 'a"b', "a*b", "a<b", "a|b", "a\0", "x" * 64]
)
def test_what_is_no_name_for_a_database_is_refused(name: str) -> None:
    """The rules of MongoDB, on any platform."""
    with pytest.raises(SettingsError, match=r"^MONGODB_DATABASE: ") as refusal:
        StoreSettings(database=name)
    assert "\n" not in str(refusal.value)


def test_the_longest_name_for_a_database_is_taken() -> None:
    """63 characters."""
    assert StoreSettings(database="x" * 63).database == "x" * 63


def test_the_defaults_are_those_of_the_contract() -> None:
    """An operator who sets nothing gets these."""
    settings = StoreSettings()
    assert settings.uri == "mongodb://127.0.0.1:27017"
    assert settings.database == "alarm_digest"


def test_no_password_is_in_a_repr_or_an_error() -> None:
    """The URI may hold one, and both go to logs."""
    assert SECRET not in repr(StoreSettings(uri=f"mongodb://alice:{SECRET}@db.example"))
    with pytest.raises(SettingsError) as refusal:
        StoreSettings(uri=f"http://alice:{SECRET}@db.example")
    assert SECRET not in str(refusal.value)
