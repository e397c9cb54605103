"""The session's servers are real: what they are told, they keep."""

import uuid

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from dq_pipeline.local import Endpoints
from dq_pipeline.local.kafka import cluster_id
from dq_pipeline.local.mlflow import responds


@given(st.uuids())
def test_no_cluster_id_reads_as_an_option(identity: uuid.UUID) -> None:
    assert len(cluster_id(identity)) == 22
    assert cluster_id(identity)[0].isalpha()


@pytest.mark.integration
def test_kafka_keeps_a_message_of_10_mb_with_a_time_long_past(servers: Endpoints, topic_prefix: str) -> None:
    topic, value = f"{topic_prefix}samples", bytes(10 * 1024 * 1024)
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    producer = KafkaProducer(bootstrap_servers=servers.kafka, max_request_size=16 * 1024 * 1024)
    producer.send(topic, value, timestamp_ms=1_000_000_000_000).get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=servers.kafka, fetch_max_bytes=2**25, max_partition_fetch_bytes=2**25)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    received = next(iter(consumer))
    consumer.close()
    admin.delete_topics([topic])
    admin.close()
    assert received.value == value


@pytest.mark.integration
def test_postgres_gives_each_test_a_database_of_its_own(database_url: str) -> None:
    connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)
    connection.close()


@pytest.mark.integration
def test_mlflow_answers(mlflow_server: Endpoints) -> None:
    assert responds(int(mlflow_server.mlflow_uri.rpartition(":")[2]), "/health")
