from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """argon2id with 19 MiB, 2 passes, 1 lane: OWASP's first recommendation (Password Storage Cheat Sheet, 2024).

    Django's own default takes 100 MiB and 8 lanes, with which a few logins at once exhaust a small server.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
