"""Cookies of an installation that shares its host with others: each has its own names and its own path.

A browser sends a cookie of the path /a/ also to /a/b/, so that a path alone does not keep two installations apart.
"""

from django.http import HttpResponse

# static/portcullis/zone.js stores the browser's time zone there.
ZONE_COOKIE = "zone"
HOST_ONLY, SECURE = "__Host-", "__Secure-"


def cookie_mark(prefix: str) -> str:
    """What the names of cookies begin with: /a/b gives `a~b~`. No two prefixes have the same mark."""
    return prefix.removeprefix("/").replace("/", "~") + "~"


def own_cookies(cookies: dict[str, str], prefix: str) -> dict[str, str]:
    """The cookies of this installation under their usual names, without those of others on the same host."""
    mark, own = cookie_mark(prefix), {}
    for name, value in cookies.items():
        if name.startswith(SECURE + mark):
            own[HOST_ONLY + name.removeprefix(SECURE + mark)] = value
        elif name.startswith(mark) and not name.startswith(mark + HOST_ONLY):
            own[name.removeprefix(mark)] = value
        elif name == ZONE_COOKIE:  # a script sets it, for a path below the prefix
            own[name] = value
    return own


def move_cookies(response: HttpResponse, prefix: str) -> None:
    """Give the cookies names and paths of their own.

    `__Host-` demands the path /, which all installations on the host would share. `__Secure-` leaves the path free.
    """
    for name in list(response.cookies):
        cookie = response.cookies.pop(name)
        moved = cookie_mark(prefix) + name.removeprefix(HOST_ONLY)
        if name.startswith(HOST_ONLY):
            moved = SECURE + moved
        cookie.set(moved, cookie.value, cookie.coded_value)
        cookie["path"] = prefix + cookie["path"]
        response.cookies[moved] = cookie
