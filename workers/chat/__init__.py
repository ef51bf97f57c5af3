"""Chat: from a batch of the ledger to channels and people, one target a call.

`targets`: through Apprise. `matrix`: Matrix by its own protocol, for its transaction numbers.
`personal`: the chats of people. `telegram`: what people write to the city's bot.
"""

from workers.chat.task import send_chat_batch

__all__ = ["send_chat_batch"]
