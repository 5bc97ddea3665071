"""`python -m api.cli`: the same as `chaffinch`."""

from api.cli import main

main()
