"""What a topic may be called; Kafka's rule, on every bus."""

from __future__ import annotations

import re

from governance.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_topic_name(topic: str) -> bool:
    """Whether any bus would take the name."""
    return _NAME.fullmatch(topic) is not None and topic not in {".", ".."}


def require_topic(topic: str, partitions: int) -> None:
    """Raise ConfigError for a name or a number of partitions that no bus takes."""
    if not is_topic_name(topic):
        raise ConfigError(
            f"{topic!r} is not a topic name: 1 to 249 of the characters a-z A-Z 0-9 . _ -"
        )
    if partitions < 1:
        raise ConfigError(f"topic {topic}: {partitions} partitions; write 1 or more")
