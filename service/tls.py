"""TLS to servers that the operator names: certificates and host names are always verified."""

from __future__ import annotations

import ssl


def verifying(authorities: str = "") -> ssl.SSLContext:
    """Trust the authorities of this machine, and beside them these (PEM).

    Raises:
        ValueError: what is given is no certificate.
    """
    context = ssl.create_default_context()
    if authorities:
        try:
            context.load_verify_locations(cadata=authorities)
        except ssl.SSLError as error:
            raise ValueError("holds no certificate in PEM") from error
    return context
