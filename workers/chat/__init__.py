"""Chat: from a batch of the ledger to channels, one target a call, through Apprise."""

from workers.chat.task import send_chat_batch

__all__ = ["send_chat_batch"]
