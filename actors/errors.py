"""What can go wrong at the core's ports; transient or permanent is in the type."""


class AlarmDigestError(Exception):
    """Base of every error this service raises on purpose."""


class SettingsError(AlarmDigestError):
    """Raised when a setting is out of range, contradictory or unusable."""


class TransientError(AlarmDigestError):
    """Raised when the same call may succeed later; callers retry with backoff."""


class PermanentError(AlarmDigestError):
    """Raised when the same call can never succeed; callers give the work up aloud."""


class StoreUnavailableError(TransientError):
    """Raised when the checkpoint store did not answer, or not with certainty.

    A save that raised it may still have taken effect.
    """


class PublishFailedError(TransientError):
    """Raised when a digest is not known to have reached its stream."""
