"""How long a test waits for what must come."""

PATIENCE_S = 60.0
"""Only a failure takes so long: the suite keeps all cores busy, and another program may as well."""
