"""The service as a process of its own, on a real NATS and a real MongoDB."""
