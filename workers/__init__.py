"""The Celery application of Tellal: one file or package a stage."""
