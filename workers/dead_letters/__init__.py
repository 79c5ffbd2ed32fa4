"""Dead letters: records that could not be used, with the cause; to inspect and to send again."""

from .writing import dead_letter

__all__ = ["dead_letter"]
