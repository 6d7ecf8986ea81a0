"""`python -m batchd.cli`."""

from batchd.cli.main import main

main()
