"""The home of partitions: which are with this instance, and how they come and go."""
