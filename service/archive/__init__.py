"""The archive that people read: lists by topic, district and month, search, and article pages.

The old articles that the classifier learns from are another archive (`service.learning.archive`).
"""
