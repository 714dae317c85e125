"""The scenarios, by what they measure; each returns its figures by name."""
