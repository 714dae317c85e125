"""What commands ask of running instances: a digest, and what they know of users."""
