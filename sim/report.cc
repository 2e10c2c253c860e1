// SPDX-License-Identifier: Apache-2.0
#include "sim/report.h"

#include <iomanip>
#include <sstream>

namespace mobula::sim {

std::string Report::ToString() const {
  const struct {
    const char* what;
    std::uint64_t count;
  } counts[] = {
      {"events", events},
      {"tasks run", tasks_run},
      {"faults", faults},
      {"node crashes", node_crashes},
      {"node restarts", node_restarts},
      {"nodes declared dead that ran", nodes_disowned},
      {"worker crashes", worker_crashes},
      {"GCS crashes", gcs_crashes},
      {"tasks lost while they ran", tasks_lost},
      {"tasks executed again", tasks_retried},
      {"object copies lost", copies_lost},
      {"bytes of them", copies_lost_bytes},
  };
  std::ostringstream out;
  const char* separator = "";
  for (const auto& [what, count] : counts) {
    if (count == 0) continue;
    out << separator << what << ": " << count;
    separator = ", ";
  }
  out << "\n";
  for (const ReportLine& line : lines) {
    out << std::fixed << std::setprecision(6) << std::setw(12) << line.at.Seconds() << "s  "
        << line.text << "\n";
  }
  return out.str();
}

}  // namespace mobula::sim
