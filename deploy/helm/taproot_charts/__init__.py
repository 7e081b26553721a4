"""What the Helm charts are made with: generated values and schemas, assembling, packaging."""
