"""For the people who run it: options and logs. The core does not import it."""
