"""The doctor: examines servers and says how to mend what it finds. Changes nothing."""
