"""Voice messages become text, on this machine or by a service."""
