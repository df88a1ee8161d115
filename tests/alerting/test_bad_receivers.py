"""What receivers can do to us: each has its counted reason, its line in the audit, and an end."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from alerting.base import Result
from alerting.deliveries import Courier
from alerting.notifiers.webhook import WebhookNotifier
from alerting.pace import Pace
from governance.clock import SystemClock
from governance.config import WebhookSettings
from governance.errors import ConfigError
from governance.metrics import Metrics
from governance.outgoing import MAX_ANSWER_BYTES, Call, Outgoing
from governance.store.audit import Audit
from governance.store.delivery import Delivery, DeliveryState
from tests.alerting.badly import OK, certificate, raw_receiver
from tests.alerting.receiver import Answer, Posted, receiver
from tests.alerting.stored import open_migrated

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from alerting.base import Attempt
    from governance.service.stores import Store

SECONDS = 20.0  # of an attempt that is to end well; one that is to time out has less


def delivery(number: int = 1, body: str = '{"data":{"action":"retrain"}}') -> Delivery:
    return Delivery(
        id=f"msg_{number}",
        kind="webhook",
        target="team",
        ordering_key="shop/prices",
        body=body,
        created_us=0,
        next_attempt_us=0,
        action="retrain",
    )


def settings(folder: Path, url: str, ca_file: Path | None = None) -> WebhookSettings:
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(b"k" * 32).decode())
    return WebhookSettings(url=url, secret_file=secret, ca_file=ca_file)


def attempt(
    folder: Path, url: str, ca_file: Path | None = None, seconds: float = SECONDS
) -> Attempt:
    notifier = WebhookNotifier({"team": settings(folder, url, ca_file)}, (), seconds)
    try:
        return notifier.deliver(delivery(), 0)
    finally:
        notifier.close()


def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    """No byte of the message is sent; with its authority in `caFile` the receiver is trusted."""
    context = certificate(tmp_path)
    with raw_receiver(lambda peer: peer.sendall(OK), context) as (port, sizes):
        url = f"https://127.0.0.1:{port}/"
        unknown = attempt(tmp_path, url)
        assert sizes == []
        trusted = attempt(tmp_path, url, tmp_path / "ca.pem")
    assert (unknown.result, unknown.code) == (Result.RETRY, "certificate")
    assert trusted.result is Result.DELIVERED


@pytest.mark.parametrize(("name", "days"), [("somebody.example", 1), ("127.0.0.1", -1)])
def test_a_certificate_for_others_or_of_yesterday_is_refused(
    tmp_path: Path, name: str, days: int
) -> None:
    """A trusted signature does not help a wrong name, nor a certificate that is over."""
    context = certificate(tmp_path, name, days=days)
    with raw_receiver(lambda peer: peer.sendall(OK), context) as (port, sizes):
        said = attempt(tmp_path, f"https://127.0.0.1:{port}/", tmp_path / "ca.pem")
    assert (said.result, said.code, sizes) == (Result.RETRY, "certificate", [])


def test_a_redirect_to_a_private_host_is_not_followed(tmp_path: Path) -> None:
    """The other host hears nothing."""
    with receiver() as (private, heard):
        moved = Answer(301, {"location": f"{private}/latest/meta-data"})
        with receiver(lambda _: moved) as (url, _):
            said = attempt(tmp_path, url)
    assert (said.result, said.code, heard) == (Result.RETRY, "redirect", [])


def test_an_answer_of_100_mb_is_cut_off(tmp_path: Path) -> None:
    """Its status counts; of its body at most 64 kB are taken in, and the rest never arrives."""
    sent = 0

    def endless(peer: socket.socket) -> None:
        nonlocal sent
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        with suppress(OSError):
            for _ in range(100):
                peer.sendall(b"x" * 1_000_000)
                sent += 1_000_000

    with raw_receiver(endless) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        outgoing = Outgoing(SECONDS)
        answer = outgoing.call(Call("POST", url, {}, b"{}"))
        outgoing.close()
        said = attempt(tmp_path, url)
    assert len(answer.body) == MAX_ANSWER_BYTES
    assert said.result is Result.DELIVERED
    assert sent < 100_000_000


@pytest.mark.parametrize("end", [b"", b" OK\r\nx: ", b" OK\r\ncontent-length: 99999\r\n\r\n"])
def test_an_answer_that_drips_is_cut_off(tmp_path: Path, end: bytes) -> None:
    """One byte at a time meets every limit on reads; the attempt's own deadline ends it.

    It drips in the status line, in the headers, and in the body.
    """
    stop = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200" + (end or b" "))
        while not stop.wait(0.05):
            peer.sendall(b"x")

    with raw_receiver(drip) as (port, _):
        try:
            said = attempt(tmp_path, f"http://127.0.0.1:{port}/", seconds=0.5)
        finally:
            stop.set()
    assert (said.result, said.code) == (Result.RETRY, "timeout")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000, "protocol"),
    ],
)
def test_what_is_not_http_is_tried_again(tmp_path: Path, data: bytes, code: str) -> None:
    """Nothing, another protocol, half an answer, headers without end."""

    def say(peer: socket.socket) -> None:
        peer.sendall(data)

    with raw_receiver(say) as (port, _):
        said = attempt(tmp_path, f"http://127.0.0.1:{port}/")
    assert said.result is Result.RETRY
    assert said.code in {code, "connection"}  # a reset may come first


def test_nobody_listens(tmp_path: Path) -> None:
    """A receiver that is away is tried again."""
    assert attempt(tmp_path, "http://127.0.0.1:1/").code == "connection"
    assert attempt(tmp_path, "http://no-such-host.invalid/").code == "connection"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:05:00 GMT", 300.0),
        ("9" * 400, 86_400.0),
        *((text, None) for text in ("", "soon", "-5", "1e9")),
    ],
)
def test_retry_after_is_a_number_or_a_date(
    tmp_path: Path, text: str, seconds: float | None
) -> None:
    """What is neither is left out; nobody makes us wait for more than a day."""
    with receiver(lambda _: Answer(429, {"retry-after": text})) as (url, _):
        assert attempt(tmp_path, url).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a", "is not an http or https address"),
        ("http://", "is not an http or https address"),
        ("http://user:secret@hooks.example/", "the address holds a password"),
        ("http://elsewhere.example/", "'elsewhere.example' is not in alerting.allowedHosts"),
        ("http://hooks.example.evil.example/", "is not in alerting.allowedHosts"),
        ("http://hooks.example:port/", "is no address"),
    ],
)
def test_addresses_are_checked_at_the_start(tmp_path: Path, url: str, words: str) -> None:
    """A host that is not listed, a password in the address, what is no address."""
    with pytest.raises(ConfigError, match=words):
        WebhookNotifier({"team": settings(tmp_path, url)}, ["hooks.example"])
    WebhookNotifier({"team": settings(tmp_path, "https://HOOKS.example/x")}, ["hooks.Example"])


@dataclass
class Post:
    """A store, and a courier that carries what lies there to one receiver."""

    store: Store
    courier: Courier
    metrics: Metrics

    def counted(self, reason: str) -> bool:
        line = f'evenhand_delivery_failures_total{{reason="{reason}",webhook="team"}}'
        return line in self.metrics.render().decode()

    def audited(self) -> list[tuple[str, str]]:
        rows = reversed(Audit(self.store.engine).query("shop"))
        return [(row.entry.kind, json.loads(row.entry.body)["reason"]) for row in rows]

    def states(self) -> list[DeliveryState]:
        return [found.state for found in reversed(self.store.deliveries.find())]


@contextmanager
def post(folder: Path, url: str, *, give_up_after_seconds: float = 60.0) -> Iterator[Post]:
    store, metrics, clock = open_migrated(folder), Metrics(), SystemClock()
    pace = Pace(1e-6, 1e-6, give_up_after_seconds, SECONDS)
    notifiers = {"webhook": WebhookNotifier({"team": settings(folder, url)}, (), SECONDS)}
    courier = Courier(
        store.deliveries, notifiers, holder="a", clock=clock, metrics=metrics, pace=pace
    )
    yield Post(store, courier, metrics)
    courier.close()
    store.engine.dispose()


def test_a_failure_is_counted_and_audited_once_per_reason(tmp_path: Path) -> None:
    """However often it fails the same way, the chain has one line; another way is another line."""
    answers = [503, 503, 503, 301, 503, 200]
    with (
        receiver(lambda _: Answer(answers.pop(0))) as (url, posted),
        post(tmp_path, url) as sending,
    ):
        sending.store.deliveries.enqueue([delivery()])
        while sending.courier.send_due():
            pass
        assert sending.counted("status")
        assert sending.counted("redirect")
        assert sending.audited() == [
            ("delivery.failing", "status: answered 503"),
            ("delivery.failing", "redirect: answered 301, redirects are not followed"),
            ("delivery.failing", "status: answered 503"),
            ("delivery.delivered", "delivered: answered 200"),
        ]
    assert len({p.headers["webhook-id"] for p in posted}) == 1


def test_a_receiver_that_is_gone_is_disabled(tmp_path: Path) -> None:
    """410: nothing more is sent, what waits and what comes is dead, until somebody enables it."""
    status = 410
    with (
        receiver(lambda _: Answer(status)) as (url, posted),
        post(tmp_path, url) as sending,
    ):
        outbox = sending.store.deliveries
        outbox.enqueue([delivery(1), delivery(2)])
        sending.courier.send_due()
        outbox.enqueue([delivery(3)])
        sending.courier.send_due()
        assert sending.states() == [DeliveryState.DEAD] * 3
        assert len(posted) == 1
        assert [one.target for one in outbox.disabled()] == ["team"]
        assert 'evenhand_receiver_disabled{webhook="team"} 1.0' in sending.metrics.render().decode()
        assert [kind for kind, _ in sending.audited()] == ["delivery.dead"] * 3
        status = 200
        assert outbox.enable("team")
        for number in (1, 2, 3):
            assert outbox.replay(f"msg_{number}", 0)
        while sending.courier.send_due():
            pass
        assert sending.states() == [DeliveryState.DELIVERED] * 3
    assert [p.headers["webhook-id"] for p in posted[1:]] == ["msg_1", "msg_2", "msg_3"]


def test_what_was_tried_often_enough_is_dead(tmp_path: Path) -> None:
    """It is listed with its last reason, and makes room for what comes after it."""
    with (
        receiver(lambda seen: Answer(500 if b"first" in seen.body else 200)) as (url, posted),
        post(tmp_path, url, give_up_after_seconds=2e-6) as sending,
    ):
        sending.store.deliveries.enqueue([delivery(1, '{"first":1}'), delivery(2)])
        while sending.courier.send_due():
            pass
        assert sending.states() == [DeliveryState.DEAD, DeliveryState.DELIVERED]
        assert sending.counted("status")
    assert [p.headers["webhook-id"] for p in posted].count("msg_1") == Pace(
        1e-6, 1e-6, 2e-6
    ).attempts


def test_a_secret_that_is_spoilt_while_running_is_said_and_mended(tmp_path: Path) -> None:
    """The delivery waits with the reason, unsigned nothing goes out, and the mended file serves."""
    with receiver() as (url, posted), post(tmp_path, url) as sending:
        (tmp_path / "secret").write_text("not a secret")
        sending.store.deliveries.enqueue([delivery()])
        sending.courier.send_due()
        assert posted == []
        assert sending.counted("settings")
        assert "entry 1: not a secret" in sending.audited()[0][1]
        settings(tmp_path, url)
        while sending.courier.send_due():
            pass
    assert len(posted) == 1


def test_a_message_that_is_too_large_is_not_sent(tmp_path: Path) -> None:
    """20,000 bytes are the most; beyond, the delivery is dead and says so."""
    with receiver() as (url, posted), post(tmp_path, url) as sending:
        sending.store.deliveries.enqueue([delivery(1, "x" * 20_000), delivery(2, "x" * 20_001)])
        while sending.courier.send_due():
            pass
        assert sending.states() == [DeliveryState.DELIVERED, DeliveryState.DEAD]
        assert sending.counted("too_large")
    assert len(posted) == 1


def test_the_timestamp_is_new_at_each_attempt(tmp_path: Path) -> None:
    """Id and body stay, the time is that of the attempt, and the signature is over both."""
    with receiver() as (url, posted):
        notifier = WebhookNotifier({"team": settings(tmp_path, url)})
        for at_us in (1_000_000_000, 2_000_000_000):
            notifier.deliver(delivery(), at_us)
        notifier.close()

    def of(name: str) -> list[str]:
        return [seen.headers[f"webhook-{name}"] for seen in posted]

    assert of("id") == ["msg_1", "msg_1"]
    assert of("timestamp") == ["1000", "2000"]
    assert len(set(of("signature"))) == 2


def test_a_receiver_that_hangs_does_not_keep_others_waiting(tmp_path: Path) -> None:
    """Many components wait for one receiver that hangs; another receiver gets its message."""
    hanging, stop, heard = threading.Event(), threading.Event(), threading.Event()

    def hang(_: Posted) -> Answer:
        stop.wait(60)
        return Answer(503)

    def hear(_: Posted) -> Answer:
        heard.set()
        return Answer(200)

    with receiver(hang) as (slow, _), receiver(hear) as (quick, _):
        store, metrics = open_migrated(tmp_path), Metrics()
        webhooks = {"slow": settings(tmp_path, slow), "quick": settings(tmp_path, quick)}
        notifiers = {"webhook": WebhookNotifier(webhooks, (), 60.0)}
        courier = Courier(
            store.deliveries, notifiers, holder="a", clock=SystemClock(), metrics=metrics
        )
        waiting = [
            Delivery(f"msg_{n}", "webhook", "slow", f"shop/c{n}", "{}", 0, 0) for n in range(50)
        ]
        store.deliveries.enqueue(
            [*waiting, Delivery("msg_q", "webhook", "quick", "a/b", "{}", 0, 0)]
        )
        sending = threading.Thread(target=courier.run, args=(hanging,))
        sending.start()
        try:
            assert heard.wait(50)
        finally:
            hanging.set()
            stop.set()
            sending.join()
        courier.close()
        store.engine.dispose()
