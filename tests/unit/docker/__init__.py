"""What runs the service in containers, held to the code; no Docker engine is needed."""
