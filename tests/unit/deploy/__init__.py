"""What runs the service outside containers, held to the code."""
