"""Incidents, the channels that they are told on, and when this control plane could receive heartbeats."""

from alerts.models.channels import AlertChannel, Delivery, DeliveryAttempt
from alerts.models.evidence import Outage, ReceivingMark
from alerts.models.incidents import Incident, IncidentSite

__all__ = ["AlertChannel", "Delivery", "DeliveryAttempt", "Incident", "IncidentSite", "Outage", "ReceivingMark"]
