"""Parts of `make bench-classify`, by the protocols of the classification guide, section 10."""
