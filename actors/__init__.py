"""The core: per-user alarm state, digests, and the actors that keep them.

Imports the standard library and Pykka only.
"""
