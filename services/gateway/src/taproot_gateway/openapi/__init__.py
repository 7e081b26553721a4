"""OpenAPI 3.1, made from the contracts at start-up: schemas, parameters, errors and the comments as descriptions."""
