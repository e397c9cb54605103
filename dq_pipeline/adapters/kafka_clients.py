"""Kafka connections: made when first needed, once per process, and their errors in our words."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from dq_pipeline.errors import ConfigurationError, StreamError

LARGEST_MESSAGE_BYTES = 16_777_216
ENVELOPE_BYTES = 1_048_576  # a dead letter is its message and what was wrong with it

# What brokers and networks do. Wrong options and our own mistakes are other classes: they must surface.
_OUTAGES = (
    kafka_errors.RetriableError,
    kafka_errors.KafkaProtocolError,
    OSError,
)

# A forked child must neither use nor finalize its parent's connections: they are kept here, untouched, for its life.
_inherited: list[Any] = []


class KafkaClients:
    """The connections to one cluster.

    Parameters
    ----------
    bootstrap
        `host:port`, several parted by commas.
    security
        Client options such as `security_protocol`, `sasl_mechanism`, `sasl_plain_username`, `ssl_cafile`.
    max_message_bytes
        Largest message that may be published.
    connect_timeout_s, timeout_s
        How long a first connection, and an answer, are waited for.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: Mapping[str, str] | None = None,
        max_message_bytes: int = LARGEST_MESSAGE_BYTES,
        connect_timeout_s: float = 5.0,
        timeout_s: float = 15.0,
    ) -> None:
        self.bootstrap = bootstrap
        self.timeout_s = timeout_s
        self._security = dict(security or {})
        self._max_request_bytes = max_message_bytes + ENVELOPE_BYTES
        self._connect_timeout_s = connect_timeout_s
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self._idle: dict[int, list[Any]] = {}
        log = logging.getLogger("kafka")
        if log.level == logging.NOTSET:
            log.setLevel(logging.ERROR)  # at INFO a connection writes fifteen lines, at WARNING an outage many more

    def admin(self) -> Any:
        """The administrator's connection, which several threads may share."""
        return self._one("admin", KafkaAdminClient)

    def producer(self) -> Any:
        """The idempotent producer, which several threads may share."""
        answer_ms = int(self.timeout_s * 1000)
        return self._one(
            "producer",
            KafkaProducer,
            acks="all",
            enable_idempotence=True,
            max_request_size=self._max_request_bytes,
            batch_size=131_072,
            linger_ms=5,
            max_block_ms=answer_ms,
            delivery_timeout_ms=2 * answer_ms,
            allow_auto_create_topics=False,
        )

    @contextmanager
    def consumer(self, partition_bytes: int) -> Iterator[Any]:
        """A consumer for the block's use alone; returned for reuse unless the block fails.

        Parameters
        ----------
        partition_bytes
            How much one fetch brings per partition; a larger message still comes, alone.
        """
        self._own()
        with self._lock:
            idle = self._idle.setdefault(partition_bytes, [])
            consumer = idle.pop() if idle else None
        if consumer is None:
            consumer = self._connect(
                KafkaConsumer,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                max_partition_fetch_bytes=partition_bytes,
                fetch_max_bytes=partition_bytes,
                fetch_max_wait_ms=20,  # what is asked for is there already; a longer wait holds up the next range
                max_poll_records=500,
            )
        finished = False
        try:
            yield consumer
            consumer.unsubscribe()
            finished = True
        finally:
            if finished:
                with self._lock:
                    idle.append(consumer)
            else:
                consumer.close(autocommit=False, timeout_ms=1000)

    def drop_producer(self) -> None:
        """Give the producer up after a failure; the next use makes a new one."""
        with self._lock:
            producer = self._made.pop("producer", None)
        if producer is not None:
            _close_producer(producer)

    def close(self) -> None:
        """Close what this process opened; a later use opens it again."""
        self._own()
        with self._lock:
            made = dict(self._made)
            self._made.clear()
            consumers = [consumer for idle in self._idle.values() for consumer in idle]
            self._idle.clear()
        if "producer" in made:
            _close_producer(made["producer"])
        if "admin" in made:
            made["admin"].close()
        for consumer in consumers:
            consumer.close(autocommit=False, timeout_ms=1000)

    @contextmanager
    def outages(self, doing: str) -> Iterator[None]:
        """Say in a StreamError what an outage kept us from doing.

        Raises
        ------
        StreamError
            The broker did not answer, or refused.
        ConfigurationError
            The client's options do not fit together.
        """
        try:
            yield
        except kafka_errors.UnknownTopicOrPartitionError:
            raise StreamError(
                f"{doing}: expected the topic on {self.bootstrap}; found none of that name, or not that partition. "
                "Create it with `dq topics`."
            ) from None
        except _OUTAGES as error:
            raise StreamError(
                f"{doing}: expected an answer from Kafka at {self.bootstrap}; found {_text(error)}. "
                "Check that the broker is up and reachable (`dq doctor`)."
            ) from error
        except kafka_errors.BrokerResponseError as error:
            raise StreamError(
                f"{doing}: expected Kafka at {self.bootstrap} to agree; it refused: {_text(error)}."
            ) from error
        except kafka_errors.KafkaConfigurationError as error:
            raise ConfigurationError(f"Kafka at {self.bootstrap}: the settings do not fit together: {error}") from error

    def _options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": f"dq-{os.getpid()}",
            "bootstrap_timeout_ms": int(self._connect_timeout_s * 1000),
            "request_timeout_ms": int(self.timeout_s * 1000),
            "reconnect_backoff_max_ms": 2000,
            "retry_backoff_ms": 10,  # a first poll sleeps as long, twice, while partitions are still being looked up
            "metadata_max_age_ms": 60_000,
            **self._security,
        }

    def _one(self, name: str, kind: Callable[..., Any], **options: Any) -> Any:
        self._own()
        with self._lock:
            if name not in self._made:
                self._made[name] = self._connect(kind, **options)
            return self._made[name]

    def _connect(self, kind: Callable[..., Any], **options: Any) -> Any:
        opened: list[KafkaNetClient] = []

        def client(**config: Any) -> KafkaNetClient:
            opened.append(KafkaNetClient(**config))
            # kafka-python hands this option on to all but the metadata, whose second request would wait 100 ms
            opened[-1].cluster.config["retry_backoff_ms"] = config["retry_backoff_ms"]
            return opened[-1]

        with self.outages("Connecting"):
            self._reach()
            try:
                return kind(**self._options(), **options, kafka_client=client)
            except BaseException:
                for half_open in opened:  # a constructor that fails leaves its thread and sockets behind
                    half_open.close()
                raise

    def _reach(self) -> None:
        """Find one broker that accepts connections: the library would try until its time is up, and leak sockets."""
        failure: OSError | None = None
        for broker in self.bootstrap.split(","):
            host, _, port = broker.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=self._connect_timeout_s).close()
            except OSError as error:
                failure = error
            else:
                return
        if failure is not None:
            raise failure

    def _own(self) -> None:
        if self._pid != os.getpid():
            _inherited.extend((self._made, self._idle))
            self._pid, self._lock, self._made, self._idle = os.getpid(), threading.Lock(), {}, {}


def _close_producer(producer: Any) -> None:
    try:
        producer.close(timeout=1)
    except kafka_errors.KafkaTimeoutError:
        # What could not be delivered was reported to whoever published it.
        logging.getLogger(__name__).warning("A Kafka producer was closed with messages undelivered.")


def _text(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())
