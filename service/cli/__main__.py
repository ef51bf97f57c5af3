"""`python -m service.cli`, for places where the `tellal` script is not installed."""

from service.cli import main

main()
