"""Our client, and all that is reached of nats-py's insides: nothing else touches them.

Each member says what it relies on. ``tests/unit/bus/connection/test_seams.py`` holds nats-py to it,
and CONTRIBUTING says how to move to its next minor release.
"""
