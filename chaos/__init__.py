"""Real faults: the service under load while it, its servers or their connections are broken.

Servers and services are real processes; what must come out is known to a brute-force oracle. It
uses the tests' harness.
"""
