"""What a message says: rendering for email and chat, apart from how it is sent."""
