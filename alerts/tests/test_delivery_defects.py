"""A defect of ours with one message keeps no other message waiting."""

import logging
from typing import Any

import pytest
from django.utils import timezone

from alerts.channels.services import create_channel
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict
from alerts.models import Delivery
from alerts.outbox.delivery import deliver_channel
from alerts.tests.conftest import OpenIncident
from audit.actors import Actor


def test_a_message_that_cannot_be_sent_waits_and_the_next_one_is_sent(
    open_incident: OpenIncident,
    by_anna: Actor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    facts: dict[str, Any] = {"name": "Night", "address": "night@vendor.example"}
    channel = create_channel("email", facts, by=by_anna, at=timezone.now()).channel
    broken = open_incident(subject="1", title="broken")
    open_incident(subject="2", title="fine")

    def send(message: Message, target: Target) -> Outcome:
        assert message.incident
        if message.incident["title"] == "broken":
            raise KeyError("title")
        return Outcome(Verdict.DELIVERED, 250, "Accepted.")

    monkeypatch.setattr("alerts.outbox.delivery.send", send)
    with caplog.at_level(logging.ERROR):
        assert deliver_channel(channel.pk, holder="worker", is_stopping=lambda: False) == 2
    states = dict(Delivery.objects.values_list("incident__title", "state"))
    assert states == {"broken": "waiting", "fine": "delivered"}
    delivery = Delivery.objects.get(incident=broken)
    assert (delivery.attempts, delivery.answer.split(":")[0]) == (1, "A defect in Portcullis")
    assert "KeyError" in caplog.text
