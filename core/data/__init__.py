"""Data sets: MNIST digits, and emoji scenes with their captions (`core.data.emoji`)."""

from core.data.digits import as_digit, mnist, signed

__all__ = ["as_digit", "mnist", "signed"]
