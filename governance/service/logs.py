"""Logs of servers: one JSON object a line on stderr, or words for people."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

REQUESTS = "evenhand.http"  # the logger of ``requests.py``


def configure_logs(form: Literal["text", "json"]) -> None:
    """Let all of ours log as ``form`` says; requests are logged as JSON only.

    In ``json`` every line has ``timestamp``, ``level``, ``logger`` and ``event``; a request's line
    has the fields of ``requests.py`` beside them.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if form == "json" else logging.Formatter("evenhand: %(message)s"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(REQUESTS).setLevel(logging.INFO if form == "json" else logging.WARNING)


def _json() -> logging.Formatter:
    """A formatter for records of the standard library, whoever makes them."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
