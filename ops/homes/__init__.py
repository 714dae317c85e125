"""Instances and partitions as people see them: who is up, who has what, where a user is."""
