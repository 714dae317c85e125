"""Questions to a running service over NATS, and their answers."""
