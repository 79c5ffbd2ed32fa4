"""Reads the YAML file of a policy into `streams.domain.policy`, and reports every violation with its line."""

from .policy_document import PolicyError, parse_policy
from .policy_warnings import policy_warnings

__all__ = ["PolicyError", "parse_policy", "policy_warnings"]
