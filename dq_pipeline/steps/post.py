"""Samples from a source that cannot speak Kafka: judged by the stream's own form gate, and put on its topic."""

from __future__ import annotations

from typing import Any

from dq_pipeline.errors import SampleError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.recording import place
from dq_pipeline.records import Outgoing
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.wire.codec import FORM, FORMAT_VERSION, KIND, Form, Message, decode, message_key
from dq_pipeline.wire.envelope import VERSION
from dq_pipeline.wire.request import messages_of


def post(world: World, process: str, body: bytes, form: Form) -> dict[str, Any]:
    """Publish the messages of one request, but those that the form gate would refuse; returns once brokers have them.

    A sample that is on the topic already is published again: only the deployment knows what it has received, and
    quarantines it as a duplicate. So sending a request again is safe.

    Returns
    -------
    dict
        `read`: messages in the request; `published`: `row` (from 1), `sample_id`, `kind` and the `unknown` columns
        of each; `refused`: `row`, `reason`, `detail` and, where it can be read, `sample_id` of each other.

    Raises
    ------
    SampleError
        It cannot be told what the messages are; nothing is published.
    StreamError
        No broker acknowledged. Some messages may have been published: send all of them again.
    """
    settings = world.process(process)
    now = as_moment(utc_now())
    outgoing: list[Outgoing] = []
    published: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    messages = messages_of(body, form)
    first: dict[tuple[str, str], int] = {}
    for row, value in enumerate(messages, start=1):
        try:
            message = decode(value, {FORM: form.encode()}, settings, now)
            # as the gate does: what fits the form may still fit no grid. One at a time, for a grid is large.
            place(message.recording, settings, message.scope)
            ident = message.recording.sample_id
            before = first.setdefault((message.scope, ident), row)
            if before != row:
                found = f"expected one {message.scope} message per sample; found another in row {before}"
                raise SampleError("duplicate", found, ident)
        except SampleError as error:
            refused.append({"row": row, "reason": error.reason, "detail": error.detail, "sample_id": error.sample_id})
            continue
        outgoing.append(_outgoing(message, value, form, settings))
        published.append({"row": row, "sample_id": ident, "kind": message.scope, "unknown": list(message.unknown)})
    if outgoing:
        world.stream.publish(outgoing)
    return {"process": process, "read": len(messages), "published": published, "refused": refused}


def _outgoing(message: Message, value: bytes, form: Form, process: Process) -> Outgoing:
    recording = message.recording
    headers = ((FORM, form.encode()), (FORMAT_VERSION, str(VERSION).encode()), (KIND, message.scope.encode()))
    return Outgoing(process.stream.topic, message_key(recording.source, recording.sample_id), value, headers)
