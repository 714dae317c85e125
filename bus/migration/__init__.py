"""From the version that shared a durable consumer to the log."""
