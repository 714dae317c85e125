"""Deterministic simulation: whole histories of the service, each drawn from one seed."""
