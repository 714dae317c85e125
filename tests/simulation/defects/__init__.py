"""Defects that are planted into the running code, to show that the simulation finds such ones."""
