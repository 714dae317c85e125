"""What is published and read meanwhile, and the log as it is seen from outside."""
