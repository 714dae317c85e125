"""Who may read and who may act, by the headers of a request and the settings."""

from __future__ import annotations

import pytest

from ops.web.access import Access, Grant, RefusedError
from ops.web.settings import HttpSettings

TOKEN = "correct-horse-battery"
LOOPBACK = HttpSettings("127.0.0.1:8080", operator_token=TOKEN)
READ_ONLY = HttpSettings("127.0.0.1:8080")
EVERYWHERE = HttpSettings("0.0.0.0:8080", operator_token=TOKEN)  # as in containers
HERE = {"Host": "127.0.0.1:8080"}
PROVEN = {**HERE, "Authorization": f"Bearer {TOKEN}"}


def status(settings: HttpSettings, check: str, headers: dict[str, str]) -> int:
    """Return the status that a request gets; 200 for none."""
    try:
        getattr(Access(settings), f"check_{check}")(headers)
    except RefusedError as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "localhost",
        "LOCALHOST:9000",
        "[::1]:8080",
        "10.1.2.3:8080",
        "Console.test:1",
    ],
)
def test_a_name_that_is_ours_and_an_address_are_answered(host: str) -> None:
    """Whatever the port: a tunnel may have another one."""
    settings = HttpSettings("127.0.0.1:8080", ("console.test",))
    assert status(settings, "host", {"Host": host}) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test", "", "[evil]:1"],
)
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    """It may be a page's, made to mean our address: that page could read the answer."""
    for check in ("host", "reading", "acting"):
        assert status(LOOPBACK, check, {**PROVEN, "Host": host}) == 421
    assert status(LOOPBACK, "host", {}) == 421


def test_reading_is_free_on_loopback_only() -> None:
    """Who calls us by another name may come through a proxy, and be anybody."""
    assert status(READ_ONLY, "reading", HERE) == 200
    assert status(LOOPBACK, "reading", HERE) == 200
    assert status(LOOPBACK, "reading", {"Host": "10.1.2.3"}) == 401
    proxied = HttpSettings("127.0.0.1:8080", ("console.test",), TOKEN)
    assert status(proxied, "reading", {"Host": "console.test"}) == 401
    assert status(proxied, "reading", {**PROVEN, "Host": "console.test"}) == 200


def test_elsewhere_reading_takes_the_token_and_without_one_is_never() -> None:
    """An address in a container's network is open to whoever is in it."""
    assert status(EVERYWHERE, "reading", HERE) == 401
    assert status(EVERYWHERE, "reading", PROVEN) == 200
    open_to_all = HttpSettings("0.0.0.0:8080")  # as in containers
    assert status(open_to_all, "reading", PROVEN) == 403
    assert Access(open_to_all).reading(HERE) is Grant.NEVER


def test_without_a_token_nothing_can_be_changed() -> None:
    """Whatever a request bears, and the refusal says how to mend it."""
    with pytest.raises(RefusedError, match="OPERATOR_TOKEN") as refused:
        Access(READ_ONLY).check_acting(PROVEN)
    assert refused.value.status == 403
    assert Access(READ_ONLY).acting() is Grant.NEVER


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \udcff",
        "Bearer 🔥",
    ],
)
def test_a_token_that_is_not_the_token_changes_nothing(authorization: str | None) -> None:
    """Nor does it fail in another way than that."""
    headers = HERE if authorization is None else {**HERE, "Authorization": authorization}
    assert status(LOOPBACK, "acting", headers) == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_lets_act(scheme: str) -> None:
    """The scheme's case does not count."""
    assert status(LOOPBACK, "acting", {**HERE, "Authorization": f"{scheme} {TOKEN}"}) == 200


@pytest.mark.parametrize(
    ("site", "origin", "expected"),
    [
        (None, None, 200),
        ("same-origin", None, 200),
        ("same-origin", "http://127.0.0.1:8080", 200),
        ("cross-site", None, 403),
        ("same-site", None, 403),
        ("none", None, 403),
        (None, "http://evil.test", 403),
        (None, "http://127.0.0.1:9999", 403),
        (None, "null", 403),
        ("same-origin", "http://evil.test", 403),
    ],
)
def test_another_pages_request_changes_nothing(
    site: str | None, origin: str | None, expected: int
) -> None:
    """Though the token came with it."""
    given = {"Sec-Fetch-Site": site, "Origin": origin}
    headers = {**PROVEN, **{name: value for name, value in given.items() if value is not None}}
    assert status(LOOPBACK, "acting", headers) == expected
