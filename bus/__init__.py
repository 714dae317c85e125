"""NATS: messages in, digests and dead letters out."""
