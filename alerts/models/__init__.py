"""Incidents, the channels that they are told on, when this control plane could receive heartbeats, and mails to restaurants."""

from alerts.models.channels import AlertChannel, Delivery, DeliveryAttempt
from alerts.models.customer_notices import LicenseNotice, NoticeTemplate, Unsubscription
from alerts.models.evidence import Outage, ReceivingMark
from alerts.models.incidents import Incident, IncidentSite

__all__ = [
    "AlertChannel",
    "Delivery",
    "DeliveryAttempt",
    "Incident",
    "IncidentSite",
    "LicenseNotice",
    "NoticeTemplate",
    "Outage",
    "ReceivingMark",
    "Unsubscription",
]
