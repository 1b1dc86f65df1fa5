"""Runs as films, sheets and tables: made from tapes alone, without a page and without a model."""
