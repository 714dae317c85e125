"""Hostile bodies, made by the ten thousand, and what the contract says of each."""
