"""A whole Tellal for an hour under load: whether anything grows, is lost, or comes twice."""
