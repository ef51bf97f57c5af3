"""Tellal, the HTTP service and the rules that it shares with the workers."""
