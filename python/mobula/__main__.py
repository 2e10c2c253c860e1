# SPDX-License-Identifier: Apache-2.0
"""`python -m mobula` is the command `mobula`."""

from mobula._cli import main

main()
