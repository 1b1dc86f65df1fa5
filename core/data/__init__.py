"""Data sets: MNIST digits, and emoji scenes with their captions (`core.data.emoji`)."""

from core.data.digits import mnist, signed

__all__ = ["mnist", "signed"]
