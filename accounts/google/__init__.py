"""Signing in with Google: checking ID tokens, and the Google accounts of admins."""
