"""Access to NATS: what we show, what we demand, and what a refusal means to an operator."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nats.errors import AuthorizationError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError

from actors.errors import SettingsError
from bus.connection.identity import Identity, UnusableIdentityError

if TYPE_CHECKING:
    from bus.connection.client.client import NatsClient
    from bus.settings import BusSettings

MORE_SUBSCRIPTIONS = (
    "raise max_subscriptions of the server or the account (subscriptions in a JWT) to 32 or more"
)
"""What mends it: NATS micro takes thirteen, all else a handful."""

_NO_WEBSOCKET = ("400, message=", "closing transport", "Server disconnected")
"""How aiohttp's errors begin, some of which go on with all that came, when no websocket answers."""

_CERTIFICATE_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""What a server's alerts about our certificate, or the lack of one, have in their names."""


class UnencryptedError(NatsError):
    """Raised when encryption is asked for and the server offers none."""


class TooManySubscriptionsError(SettingsError):
    """Raised when the server does not allow a subscription without which nothing works."""

    def __init__(self) -> None:
        """Name the limit, and how to mend it."""
        super().__init__(
            "NATS_URL: the server allows this user fewer subscriptions than the service cannot do "
            f"without; {MORE_SUBSCRIPTIONS}"
        )


def access_options(settings: BusSettings, client: NatsClient) -> dict[str, Any]:
    """Prepare ``client``; return the options that prove who we are and check who the server is.

    Raises ``SettingsError`` for files that are not there or not what they should be.
    """
    credentials, options = settings.credentials, dict[str, Any]()
    if credentials.credentials_file is not None:
        identity = Identity("NATS_CREDENTIALS", credentials.credentials_file, has_jwt=True)
        options |= {"signature_cb": identity.sign, "user_jwt_cb": identity.jwt}
    if credentials.nkey_seed_file is not None:
        identity = Identity("NATS_NKEY_SEED", credentials.nkey_seed_file, has_jwt=False)
        client.show(identity)
        options["signature_cb"] = identity.sign
    if credentials.token is not None:
        options["token"] = credentials.token
    if credentials.user is not None:
        options["user"] = credentials.user
        options["password"] = credentials.password
    if settings.tls.wanted:
        client.demand_tls()
        options["tls"] = _tls_context(settings)
        options["tls_handshake_first"] = settings.tls.first
    return options


def refusal(error: Exception) -> str | None:
    """Return which setting is wrong when a server, or we, refuse the other; None for other errors.

    In one line, without a secret.
    """
    text = str(error)
    if isinstance(error, UnusableIdentityError):
        return text
    if isinstance(error, UnencryptedError):
        return (
            "NATS_URL: the server offers no TLS, which a tls:// URL or NATS_TLS_CA demands; "
            "nothing was said to it"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"NATS_TLS_CA: the server's certificate is not trusted: {error.verify_message or text}"
        )
    if isinstance(error, ssl.SSLError) and _is_about_our_certificate(error.reason or ""):
        return (
            "NATS_TLS_CERT: the server refused our certificate, or demands one: "
            f"{error.reason.lower().replace('_', ' ')}"
        )
    said = text.lower()
    if (
        isinstance(error, AuthorizationError)
        or "authorization violation" in said
        or ("authentication" in said and not is_late(error))
    ):
        return (
            "NATS_URL: the server refused our credentials; see NATS_CREDENTIALS, "
            "NATS_NKEY_SEED, NATS_TOKEN, NATS_USER and NATS_PASSWORD"
        )
    return None


def within(error: Exception) -> Exception:
    """Return what happened: a websocket's errors are aiohttp's, with the cause in them."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    return cause if isinstance(cause, Exception) else error


def describe(error: Exception) -> str:
    """Return in one line why there is no connection, with what it may mean."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, TimeoutError | NatsTimeoutError) or "expecting INFO" in text:
        return (
            "no greeting came; is that a NATS port, of a server that is not TLS-first "
            "(NATS_TLS_FIRST=on), nor a websocket's (ws://)?"
        )
    if isinstance(error, ssl.SSLError):
        return f"{text}; does it speak TLS?"
    if any(words in text for words in _NO_WEBSOCKET):
        kind = "a wss:// port" if "response status" in text else "a NATS port (nats://)"
        return f"no websocket's answer came; is that {kind}?"
    return text


def is_late(error: Exception) -> bool:
    """Whether the server hung up because we did not say who we are in time: one of us is slow."""
    return "authentication timeout" in str(error).lower()


def is_too_many(error: Exception) -> bool:
    """Whether the server allows no more subscriptions; it keeps those that it has, and us."""
    return "maximum subscriptions exceeded" in str(error).lower()


def is_not_permitted(error: Exception) -> bool:
    """Whether the server knows us, and does not let us publish or subscribe."""
    return "permissions violation" in str(error).lower()


def _is_about_our_certificate(reason: str) -> bool:
    return "ALERT" in reason and any(word in reason for word in _CERTIFICATE_REFUSALS)


def _tls_context(settings: BusSettings) -> ssl.SSLContext:
    tls = settings.tls
    try:
        context = ssl.create_default_context(cafile=_existing("NATS_TLS_CA", tls.ca_file))
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"NATS_TLS_CA: {tls.ca_file} cannot be used: {error}") from None
    certificate = _existing("NATS_TLS_CERT", tls.certificate_file)
    key = _existing("NATS_TLS_KEY", tls.key_file)
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as error:
            message = f"NATS_TLS_CERT: {certificate} cannot be used with NATS_TLS_KEY: {error}"
            raise SettingsError(message) from None
    return context


def _existing(setting: str, path: str | None) -> str | None:
    if path is not None and not Path(path).is_file():
        message = f"{setting}: there is no file {path}"
        raise SettingsError(message)
    return path
