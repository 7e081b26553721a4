"""Mails about accounts: queued with what they are about, made and sent by a job."""
