"""What Evenhand asks of a Kafka topic, whichever client asks."""

from __future__ import annotations

from typing import Final

from governance.errors import ConfigError

TIME_TYPE: Final = "message.timestamp.type"
TIME_OF_LOG: Final = "LogAppendTime"
MAX_BATCH_BYTES: Final = 1_048_588  # Kafka's own default, whatever the broker's is


def wrong_time(topic: str, found: str | None, server: str) -> ConfigError:
    """The error of a topic that is stamped by its producers."""
    return ConfigError(
        f"topic {topic} has {TIME_TYPE}={found}; Evenhand's clock is the log's, so it must be "
        f"{TIME_OF_LOG}. Run: kafka-configs.sh --bootstrap-server {server} --alter --entity-type "
        f"topics --entity-name {topic} --add-config {TIME_TYPE}={TIME_OF_LOG}"
    )


def wrong_record_time(topic: str, partition: int, offset: int) -> ConfigError:
    """The error of a record that is stamped by its producer."""
    return ConfigError(
        f"{topic}, partition {partition}, offset {offset}: its time is its producer's, so it was "
        f"written before {TIME_TYPE} was {TIME_OF_LOG}. Start with a new topic"
    )


def behind_the_end(topic: str, partition: int, offset: int) -> ConfigError:
    """The error of an offset that no record of this log has yet."""
    return ConfigError(
        f"{topic}, partition {partition}: asked to read from offset {offset}, but the log ends "
        "before. It is not the log that this state was made from: bring that log back, or start "
        "with an empty database"
    )
