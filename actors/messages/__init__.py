"""What actors tell each other, by receiver: commands imperative, events past tense, all immutable.

Those that are made for every message from the broker or every save are named tuples: a frozen
dataclass costs three times as much to construct.
"""
