"""Homes: who is up, which partition is whose, and how far each is settled."""
