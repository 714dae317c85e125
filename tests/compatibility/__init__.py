"""This version beside others: on one database and one stream, answering each other's questions."""
