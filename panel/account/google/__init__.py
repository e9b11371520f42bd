"""Signing in with Google, and the Google account on the page of one's own account.

The browser goes to Google by a link and comes back to `callback`, with the state of the session that it left from. What it
brings is a code, which our server exchanges; the ID token never passes through the browser.
"""
