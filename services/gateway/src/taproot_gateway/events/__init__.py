"""What happens, as it happens: events of all services to whoever may see the records they are about."""
