"""Of several hosts in DATABASE_URL, the one that accepted last is tried first.

Otherwise each new connection after a fail-over would wait for the former primary, for two seconds if its machine is silent;
and a former primary that comes back would be used again beside the new one.
"""

from typing import Any

Target = tuple[str, str, str]
# The host and port that accepted last, by what the settings look for; each process learns its own.
accepted_last: dict[Target, tuple[str, str]] = {}


def target(parameters: dict[str, Any]) -> Target:
    """With the kind of server: the same hosts may be in DATABASE_URL and DATABASE_REPLICA_URL."""
    host, port, kind = (str(parameters.get(name, "")) for name in ("host", "port", "target_session_attrs"))
    return host, port, kind


def last_one_first(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a connection with their hosts in another order; `host` and `port` are lists with commas."""
    hosts, ports, _ = wanted = target(parameters)
    pairs = list(zip(hosts.split(","), ports.split(","), strict=False))
    last = accepted_last.get(wanted)
    if len(pairs) < 2 or last not in pairs:
        return parameters
    pairs.sort(key=lambda pair: pair != last)
    host, port = zip(*pairs, strict=True)
    return {**parameters, "host": ",".join(host), "port": ",".join(port)}


def remember(parameters: dict[str, Any], connection: Any) -> None:
    """`parameters` are those of the settings, in their order."""
    if "," in str(parameters.get("host", "")):
        info = connection.info
        accepted_last[target(parameters)] = (info.host, str(info.port))
