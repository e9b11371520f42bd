# ruff: noqa: S608 - SQL made of SQL is the purpose; all that comes from outside was quoted by the driver
"""The same statement for the order of triage, which no index has.

What is not well is little: one look at the pulses finds it, and the indexes on what is locked or unlicensed. So the page is
put together from the groups of the order, one after another, each asked only for as many as the page still lacks; those
that are well come last, by the index on names, and nothing sorts all sites.
"""

from functools import cached_property

from django.db.models import Q

from sites import choice
from sites.choice import Choice, literal, quoted
from sites.models import Site, SitePulse
from sites.querysets import (
    SiteQuerySet,
    SiteStatus,
    Triage,
    barred_at,
    barred_sites,
    licensed_at,
    status_conditions,
    unlicensed_at,
)

GROUPS = 5


class TriageChoice(Choice):
    def choose_columns(self) -> None:
        """By name, save those that are overdue."""
        self.column, self.pulse_column, self.by_pulse, self.reads_pulses = "name", "due_at", False, self.of_pulse
        self.at = literal(self.list.at)

    def statement(self) -> str:
        rows = self.list.expected
        cut = f"SELECT ids[{rows.start + 1}:{rows.stop}] FROM part_{GROUPS}"
        if not (self.of_pulse or self.of_text):
            return f"WITH {self.silent()}, size AS ({self.total()}), {self.parts()} SELECT n, ({cut}) FROM size"
        # Of a question about pulses: up to so many it is cheaper to look each up than to look at the pulses a second time.
        most = choice.SORTED if self.of_text else 2 * choice.REMEMBERED
        found = self.matching() if self.of_pulse else self.facts
        return f"""
            WITH found AS MATERIALIZED ({found} LIMIT {most + 1}), first AS (SELECT count(*) AS seen FROM found),
                 {self.silent()},
                 size AS MATERIALIZED (SELECT CASE WHEN seen <= {most} THEN seen ELSE ({self.total()}) END AS n FROM first),
                 {self.parts()}
            SELECT n, CASE WHEN n <= {most} THEN ARRAY({self.few()}) ELSE ({cut}) END FROM size"""

    @cached_property
    def facts(self) -> str:
        return self.with_facts(self.list.sites())

    def with_facts(self, sites: SiteQuerySet) -> str:
        return quoted(sites.with_licensed(at=self.list.at).values("pk", "name", "is_locked", "licensed"))

    # --- One look at the pulses ---

    def silent(self) -> str:
        """Who is overdue or was never seen.

        Through arrays: the planner then takes them for few, however many there are, and hashes them when asked who is
        among them; of a large set it would ask entry by entry.
        """
        is_silent = f"(due_at >= {self.at}) IS NOT TRUE"
        pulses = self.matching() if self.of_pulse and self.of_site else self.pulses
        return f"""
            scanned AS MATERIALIZED (
                SELECT count(*) AS n, array_agg(pk) FILTER (WHERE {is_silent}) AS pks,
                       array_agg(due_at) FILTER (WHERE {is_silent}) AS dues
                FROM ({pulses}) AS pulse WHERE {"true" if self.of_pulse else is_silent}),
            silent AS MATERIALIZED (SELECT pk, due_at FROM scanned, unnest(pks, dues) AS silent (pk, due_at)),
            unwell AS MATERIALIZED (SELECT pk FROM silent UNION ALL SELECT unnest(ARRAY({self.barred()})))"""

    def barred(self) -> str:
        sites = self.list.sites()
        if self.list.of_site or self.of_text:
            return quoted(sites.filter(barred_at(self.list.at)).values("pk"))
        # Some come twice, which harms nobody.
        return " UNION ALL ".join(f"({quoted(some)})" for some in barred_sites(self.list.at))

    def total(self) -> str:
        if not self.of_pulse:
            return f"SELECT count(*) AS n FROM ({self.sites}) AS matching"
        return "SELECT n FROM scanned" if self.of_site else f"(SELECT n FROM scanned) - ({self.deregistered()})"

    # --- The ids of the page: among few ---

    def few(self) -> str:
        """Who is late or offline needs no telling apart: the latter were promised an earlier time."""
        due_at = "due_at"
        if self.of_pulse:
            live = self.with_facts(Site.objects.live())
            rows = f"({live}) AS site JOIN found USING (pk) WHERE pk = ANY (ARRAY(SELECT pk FROM found))"
        else:
            due_at = """CASE WHEN pk IN (SELECT pk FROM silent)
                              THEN (SELECT due_at FROM sites_sitepulse WHERE site_id = pk) ELSE 'infinity' END"""
            rows = "found"
        rank = f"""CASE WHEN is_locked THEN {Triage.LOCKED.value} WHEN NOT licensed THEN {Triage.UNLICENSED.value}
                        WHEN due_at IS NULL THEN {Triage.NEVER_SEEN.value}
                        WHEN due_at >= {self.at} THEN {Triage.WELL.value} ELSE {Triage.OFFLINE.value} END"""
        ranked = f"""SELECT pk, name, due_at, {rank} AS rank
                     FROM (SELECT pk, name, is_locked, licensed, {due_at} AS due_at FROM {rows}) AS site"""
        way, page = self.direction, self.list.expected
        return f"""SELECT pk FROM ({ranked}) AS ranked
                   ORDER BY rank {way}, CASE WHEN rank = 0 THEN due_at END {way}, CASE WHEN rank > 0 THEN name END {way},
                            pk {way} LIMIT {page.stop - page.start} OFFSET {page.start}"""

    # --- Among many ---

    def parts(self) -> str:
        """Each with the ids of the parts before it; the last one has all up to the end of the page."""
        groups = [self.overdue(), self.locked(), self.unlicensed(), self.never_seen(), self.well()]
        if self.direction == "DESC":
            groups.reverse()
        parts = ["part_0 AS (SELECT ARRAY[]::uuid[] AS ids)"]
        for number, group in enumerate(groups, 1):
            parts.append(f"part_{number} AS MATERIALIZED (SELECT ids || {group} AS ids FROM part_{number - 1})")
        return ", ".join(parts)

    def first(self, ids: str, *, by: str = "name") -> str:
        """As many of them as the page lacks after the `ids` of the parts before."""
        # The first limit is there for the planner, who cannot know the second.
        stop = self.list.expected.stop
        in_order = f"{ids} ORDER BY {by} {self.direction}, pk {self.direction} LIMIT {stop}"
        return f"ARRAY(SELECT pk FROM ({in_order}) AS in_order LIMIT least({stop}, (SELECT n FROM size)) - cardinality(ids))"

    def overdue(self) -> str:
        # Sorted before the sites are asked one by one, so that they are asked only until the page is full.
        overdue = f"""SELECT pk, due_at FROM silent WHERE due_at IS NOT NULL
                      ORDER BY due_at {self.direction}, pk {self.direction}"""
        served = f"SELECT true FROM ({self.served}) AS site WHERE site.pk = overdue.pk"
        return self.first(f"SELECT pk FROM ({overdue}) AS overdue WHERE ({served})", by="due_at")

    def locked(self) -> str:
        return self.first(self.under_its_pulse(self.list.sites().filter(is_locked=True)))

    def unlicensed(self) -> str:
        return self.first(self.under_its_pulse(self.list.sites().filter(unlicensed_at(self.list.at), is_locked=False)))

    def never_seen(self) -> str:
        silent = "SELECT pk FROM silent WHERE due_at IS NULL"
        of_few = self.first(f"SELECT pk FROM ({self.served}) AS site WHERE pk = ANY (ARRAY({silent}))")
        of_many = self.first(f"SELECT pk FROM ({self.served}) AS site WHERE (pk IN ({silent})) IS TRUE")
        return f"CASE WHEN (SELECT count(*) FROM ({silent}) AS never) <= {choice.REMEMBERED} THEN {of_few} ELSE {of_many} END"

    def well(self) -> str:
        if not self.of_pulse:
            # Not by their own facts: the index on names knows of a site only its id.
            return self.first(
                f"SELECT pk FROM ({self.sites}) AS site WHERE (pk IN (SELECT pk FROM unwell)) IS NOT TRUE"
            )
        online = Q(self.list.of_pulse, status_conditions(self.list.at, pulse="")[SiteStatus.ONLINE])
        pulses = quoted(SitePulse.objects.filter(online).values("pk"))
        if self.list.expected.start > choice.WALKED:
            return self.first(f"SELECT pk FROM ({pulses}) AS pulse JOIN ({self.served}) AS site USING (pk)")
        its_pulse = f"SELECT true FROM ({pulses}) AS pulse WHERE pulse.pk = site.pk"
        return self.first(f"SELECT pk FROM ({self.served}) AS site WHERE ({its_pulse})")

    @cached_property
    def served(self) -> str:
        return quoted(self.list.sites().filter(licensed_at(self.list.at), is_locked=False).values("pk", "name"))

    def under_its_pulse(self, sites: SiteQuerySet) -> str:
        # They are few, and sorted sooner than met on a walk along the names; OFFSET keeps the planner from that.
        ids = f"SELECT pk FROM ({quoted(sites.values('pk', 'name'))} OFFSET 0) AS site"
        if not self.of_pulse:
            return ids
        return f"{ids} WHERE (SELECT true FROM ({self.pulses}) AS pulse WHERE pulse.pk = site.pk)"
