"""Portcullis' agent for a local backend: signed leases, checked and kept at the site."""

from portcullis_agent.agent import Agent
from portcullis_agent.clock import Clock
from portcullis_agent.errors import AgentError, KeyRefused, LeaseRefused, SettingsError, StateError
from portcullis_agent.exchange import BeatResult
from portcullis_agent.keys import KeyRing
from portcullis_agent.lease import Lease, verify_lease
from portcullis_agent.settings import Settings
from portcullis_agent.verdict import Verdict

__all__ = [
    "Agent",
    "AgentError",
    "BeatResult",
    "Clock",
    "KeyRefused",
    "KeyRing",
    "Lease",
    "LeaseRefused",
    "Settings",
    "SettingsError",
    "StateError",
    "Verdict",
    "verify_lease",
]
