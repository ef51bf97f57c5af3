"""Metrics for Prometheus: what the whole installation does, whichever web process is asked."""

from service.metrics.page import register

__all__ = ["register"]
