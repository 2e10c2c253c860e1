#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# prints.sh FILE COMMAND...: the command succeeds, and prints what the file holds.
set -euo pipefail
file=$1
shift
diff "$file" <("$@" || echo "exit code $?")
