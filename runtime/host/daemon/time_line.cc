// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/time_line.h"

#include <boost/json.hpp>
#include <chrono>

#include "runtime/host/daemon/worker_output.h"
#include "runtime/host/local/clock.h"

namespace mobula::host {
namespace {

constexpr const char* kKinds[] = {"task", "actor creation", "actor call", "mark"};

boost::json::object ToJson(const TaskTimes& times, std::int64_t to_wall) {
  boost::json::object object{
      // It may have been cut within a letter.
      {"name", ToValidUtf8(times.Text())},
      {"kind", kKinds[static_cast<std::size_t>(times.kind) % std::size(kKinds)]},
      {"arrived", times.arrived.nanoseconds + to_wall},
      {"started", times.started.nanoseconds + to_wall},
      {"ended", times.over ? boost::json::value(times.ended.nanoseconds + to_wall) : nullptr},
  };
  if (times.task.IsNil()) return object;
  object["task"] = times.task.Hex();
  object["attempt"] = times.attempt;
  object["failed"] = times.failed;
  return object;
}

}  // namespace

std::string TimeLineJson(const PageBook& pages) {
  const std::int64_t wall = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count();
  const std::int64_t to_wall = wall - SteadyNow().nanoseconds;
  boost::json::array processes;
  for (const PageBook::Executions& executions : pages.AllExecutions()) {
    boost::json::array times;
    for (const TaskTimes& each : executions.times) times.push_back(ToJson(each, to_wall));
    if (times.empty()) continue;
    processes.push_back(boost::json::object{
        {"worker", executions.process.worker.Hex()},
        {"pid", executions.process.pid},
        {"is_driver", executions.process.is_driver},
        {"alive", executions.alive},
        {"executions", std::move(times)},
    });
  }
  return boost::json::serialize(boost::json::object{{"now", wall}, {"processes", processes}});
}

}  // namespace mobula::host
