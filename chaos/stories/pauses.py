"""How long a pause is."""

from __future__ import annotations

LEASE_S = 3.0
PAUSE_S = LEASE_S + 2.0
"""Of an instance: the others have taken its partitions over meanwhile."""
