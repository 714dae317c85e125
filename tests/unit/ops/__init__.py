"""What is for the people who run it, without servers."""
