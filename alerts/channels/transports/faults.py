"""Faults of the network and of TLS, in words that people read. None names a URL, which may hold a secret."""

import ssl


def network_fault(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "No answer in time."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the server is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'no reason given').replace('_', ' ').lower()}."
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused."
    if isinstance(error, ConnectionError):
        return "The connection was closed before the answer was complete."
    return f"The network failed: {error.strerror or 'no reason given'}."
