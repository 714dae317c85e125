"""In the service: logs, signals, supervisors, and servers of its own."""
