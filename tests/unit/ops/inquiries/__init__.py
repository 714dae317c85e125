"""Unit tests of ``ops.inquiries.form``."""
