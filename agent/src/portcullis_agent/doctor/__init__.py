"""`portcullis-agent doctor`: what is wrong between this machine and the control plane."""

from portcullis_agent.doctor.examination import examine
from portcullis_agent.doctor.report import as_json, as_text, is_sound

__all__ = ["as_json", "as_text", "examine", "is_sound"]
