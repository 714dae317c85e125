"""What a history happens in: time, instances, and the servers that they share."""
