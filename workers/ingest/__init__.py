"""Receives events over HTTP, converts them to facts, and accepts them after the broker's acknowledgement."""
