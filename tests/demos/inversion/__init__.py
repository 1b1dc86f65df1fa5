"""Tests of inversion and editing, without a browser."""
