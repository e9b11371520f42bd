"""What the page of a site says about the agent in its local backend: what it holds, and what a person should decide."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.sites.operations.registry import OPERATIONS
from panel.sites.page.buttons import Button, operation_button
from panel.widgets.times import at_moment, moment, moment_ago, moment_until
from sites.models import AgentState, Site
from sites.services import newer_revision


class Notice(NamedTuple):
    """`button` is what a person can do about it, if this person may."""

    title: str
    text: SafeString | str
    button: Button | None


def agent_facts(site: Site, *, at: datetime) -> list[tuple[str, SafeString | str]]:
    """Pairs of a label and a value; none if the site has not asked for leases."""
    agent = site.agent
    if agent is None:
        return []
    facts: list[tuple[str, SafeString | str]] = [("Newest lease", lease_words(agent, at=at))]
    if agent.lease_revision is not None:
        facts.append(("Revision of the lease", revision_words(agent.lease_revision, site)))
    if agent.held_revision is not None:
        facts.append(("Revision that the site reports", revision_words(agent.held_revision, site)))
    if site.pulse.applied_revision is not None:
        applied = revision_words(site.pulse.applied_revision, site)
        facts.append(("Revision that the site has applied", f"{applied}; its state is {site.pulse.applied_state}"))
    if since := site.lock_known_since:
        facts.append(("Lock known at the site since", moment(since)))
    return facts


def lease_words(agent: AgentState, *, at: datetime) -> SafeString | str:
    ends = agent.lease_expires_at
    if ends is None:
        return "none yet"
    if ends <= at:
        return format_html("ended {}, {}", moment(ends), moment_ago(ends))
    return format_html("ends {}, {}", moment(ends), moment_until(ends))


def revision_words(revision: int, site: Site) -> str:
    if revision == site.revision:
        return f"{revision:,}, the present one"
    return f"{revision:,}; the present one is {site.revision:,}"


def notices_for(site: Site, has_permission: Callable[[str], bool], *, at: datetime) -> list[Notice]:
    if site.deregistered_at:
        return []
    notices = [newer_decision(site, has_permission), suspected_clone(site, at=at)]
    return [notice for notice in notices if notice]


def newer_decision(site: Site, has_permission: Callable[[str], bool]) -> Notice | None:
    agent: Any = site.agent
    if agent is None or not agent.holds_newer_decision:
        return None
    revisions = (
        f"It reports revision {agent.held_revision:,}, which was never sent from here; the newest is {site.revision:,}."
    )
    if newer_revision(site) is None:
        text = f"{revisions} So many changes cannot have been lost: check the local backend. It refuses new leases."
        return Notice("This site reports an impossible revision", text, None)
    operation = OPERATIONS["confirm"]
    button = operation_button(operation, site) if has_permission(operation.permission) else None
    text = (
        f"{revisions} This happens after an old backup was restored: a lock, an extension or another change may be missing"
        " here. The site keeps to what it knows and refuses new leases until its state is changed or confirmed here. Check"
        " the state below, make the change that is missing, or confirm the state as it is."
    )
    return Notice("This site knows a newer decision", text, button)


def suspected_clone(site: Site, *, at: datetime) -> Notice | None:
    if site.clone_suspected_at is None:
        return None
    text = format_html(
        "Two installations seem to use this site’s key, noticed {}. Nothing is locked or refused because of that.",
        at_moment(site.clone_suspected_at, now=at),
    )
    url = reverse("admin:sites_site_clones", args=[site.pk])
    return Notice("Clone suspected", text, Button("clones", "Compare the two", url, False))
