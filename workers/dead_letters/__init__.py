"""Dead letters: records that could not be used, with the cause; to inspect and to send again."""

from schemas.dead_letters import KEPT_BYTES

from .writing import dead_letter

__all__ = ["KEPT_BYTES", "dead_letter"]
