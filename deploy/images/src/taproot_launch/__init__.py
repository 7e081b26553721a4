"""What an image or a chart needs beside the services: choosing a role, secrets, waiting for a schema."""
