"""The process's own metrics."""

from __future__ import annotations

import urllib.request

import pytest

from governance.errors import ConfigError
from governance.metrics import Family, Metrics


def test_a_scrape_sees_counters_and_what_is_read_at_that_moment() -> None:
    """Series of a family vanish as soon as its reader leaves them out."""
    metrics, series = Metrics(), [(("a",), 1.0)]
    metrics.counter("evenhand_things_total", "Things").inc(2)
    metrics.publish(lambda: [Family("evenhand_level", "Level", ("tank",), tuple(series))])
    port, stop = metrics.serve("127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        stop()
    assert "evenhand_things_total 2.0" in text
    assert 'evenhand_level{tank="a"} 1.0' in text
    series.clear()
    assert b"tank" not in metrics.render()


def test_a_port_in_use_is_said_with_the_remedy() -> None:
    """Another program's port is a configuration error, not a traceback."""
    port, stop = Metrics().serve("127.0.0.1", 0)
    try:
        with pytest.raises(ConfigError, match="EVENHAND_HTTP_METRICS"):
            Metrics().serve("127.0.0.1", port)
    finally:
        stop()
