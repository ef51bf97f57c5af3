"""What digests cost: planning against bare SQL, letters a second, and an oracle beside them."""
