"""What is done to the service: a story each, of one instance or of several."""
