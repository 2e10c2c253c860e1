#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# same_on_both_hosts.sh RUN SIM LIBRARY: a C++ program prints the same on real processes, in the
# simulator, and in the simulator while a node crashes.
set -euo pipefail
run=$1 sim=$2 library=$3
real=$("$run" --library "$library" --cpus 2)
simulated=$("$sim" --library "$library" --nodes 3 --check)
broken=$("$sim" --library "$library" --nodes 3 --check --crash n2@0.15s)
[ -n "$real" ]
diff <(echo "$real") <(echo "$simulated")
diff <(echo "$real") <(echo "$broken")
