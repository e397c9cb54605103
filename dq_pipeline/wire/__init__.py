"""The messages on the stream: JSON for people, Arrow IPC for speed, told apart by a header."""

from dq_pipeline.wire.codec import Message, decode, encode, message_key, read_key
from dq_pipeline.wire.labels import Label, decode_label, encode_label, read_label

__all__ = [
    "Label",
    "Message",
    "decode",
    "decode_label",
    "encode",
    "encode_label",
    "message_key",
    "read_key",
    "read_label",
]
