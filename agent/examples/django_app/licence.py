"""The agent of this application, for its pages and its middleware."""

from portcullis_agent import Agent, Settings

agent = Agent(Settings.load())  # PORTCULLIS_URL, …, or what `portcullis-agent enrol` stored
