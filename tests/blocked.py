"""``python -m tests.blocked``: the service, with a thread of the loop's that never ends.

As one that asks a name server which does not answer. Takes all that ``main.py`` takes.
"""

from __future__ import annotations

import asyncio
import sys
import threading

from main import Service, main


class BlockedService(Service):
    """Asks something at its start that is never answered."""

    async def start(self) -> None:
        """See ``Service``."""
        asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
        await super().start()


if __name__ == "__main__":
    import main as program

    program.Service = BlockedService  # type: ignore[misc]  # a test may
    sys.exit(main(sys.argv[1:]))
