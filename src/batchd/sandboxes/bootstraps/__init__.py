"""The first program inside a sandbox, one a language. Run as files, never imported."""
