"""The component contract: schema, validation, selectors."""
