"""Runs as films, sheets, tables, Python and notebooks, without a page and without a model."""
