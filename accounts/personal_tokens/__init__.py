"""Personal access tokens, with which an admin's scripts call the API (decisions/0124).

`services` makes and revokes them, `use` authenticates with them, `notices` says that they end soon, `api` are their endpoints.
"""
