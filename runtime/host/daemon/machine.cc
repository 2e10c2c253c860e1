// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace mobula::host {

unsigned MachineCpus() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  return static_cast<unsigned>(std::max(CPU_COUNT(&allowed), 1));
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

}  // namespace mobula::host
