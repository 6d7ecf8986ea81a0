"""How functions run: each in a sandbox, a task of an engine that asks for one event after the other."""
