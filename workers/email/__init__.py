"""Email: from a batch of the ledger to the relay, or to the built-in mailbox."""

from workers.email.task import send_email_batch

__all__ = ["send_email_batch"]
