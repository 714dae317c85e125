"""Logs: one line an event, written without whoever logs waiting for it."""

from ops.process.logs.handler import (
    JsonFormatter,
    LogSettings,
    close_logging,
    flush_logging,
    set_up_logging,
)

__all__ = ["JsonFormatter", "LogSettings", "close_logging", "flush_logging", "set_up_logging"]
