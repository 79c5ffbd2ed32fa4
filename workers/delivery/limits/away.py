"""What it means that Redis does not answer."""

from redis.exceptions import RedisError

AWAY = (RedisError, OSError, TimeoutError)
"""What calls of Redis raise then; also where it answers that it cannot be used."""
