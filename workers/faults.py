"""The fault that every room may raise: something a user can mend."""

UNSEEN = "`leadloop topics create` makes what is missing, deploy/acls.yml lists what may be seen"
"""What to do where a topic is not there: Kafka shows nobody what he has no right to describe."""


class Refused(Exception):
    """What was asked cannot be done. The text says why, and what to do."""
