// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_process.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/check.h"

namespace mobula::sim {
namespace {

/// The object, and what becomes of the task that makes it when this process knows.
std::string NameObject(ObjectId object, const std::vector<worker::PendingTask>& tasks) {
  const std::string name = absl::StrCat("object ", object.task.Short(), "/", object.index);
  const auto found = std::find_if(tasks.begin(), tasks.end(),
                                  [&](const auto& task) { return task.task == object.task; });
  if (found == tasks.end()) return name;
  return absl::StrCat(name, " of ", found->name, " (", found->state, ")");
}

std::string NameObjects(const std::vector<ObjectId>& objects,
                        const std::vector<worker::PendingTask>& tasks) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(objects.size(), kShown); ++i) {
    names.push_back(NameObject(objects[i], tasks));
  }
  if (objects.size() > kShown)
    names.push_back(absl::StrCat("and ", objects.size() - kShown, " more"));
  return absl::StrJoin(names, ", ");
}

std::string NameRequest(const worker::Event& event, const std::vector<worker::PendingTask>& tasks) {
  if (const auto* get = std::get_if<worker::GetRequested>(&event)) {
    return absl::StrCat("get of ", NameObjects(get->objects, tasks));
  }
  if (const auto* wait = std::get_if<worker::WaitRequested>(&event)) {
    return absl::StrCat("wait for ", wait->num_returns, " of ", NameObjects(wait->objects, tasks));
  }
  if (const auto* create = std::get_if<worker::BufferRequested>(&event)) {
    return absl::StrCat("room for an object of ", create->size, " bytes");
  }
  if (const auto* question = std::get_if<worker::GcsRequested>(&event)) {
    return absl::StrCat("the GCS to answer ", NameOf(question->question));
  }
  return NameOf(event);
}

template <class Event>
constexpr bool kBlocks =
    std::is_same_v<Event, worker::GetRequested> || std::is_same_v<Event, worker::WaitRequested> ||
    std::is_same_v<Event, worker::BufferRequested> || std::is_same_v<Event, worker::GcsRequested>;

void EraseOne(std::multimap<TaskId, std::string>& tasks, TaskId task) {
  const auto found = tasks.find(task);
  if (found != tasks.end()) tasks.erase(found);
}

}  // namespace

SimProcess::SimProcess(ProcessHost& host, const Setup& setup, const worker::Options& options,
                       std::shared_ptr<StoreMemory> store)
    : host_(host),
      setup_(setup),
      machine_(std::make_unique<worker::Worker>(setup.id, options)),
      store_(std::move(store)) {}

const WorkerRegistered& SimProcess::Identity() const {
  CHECK(!identity_.address.worker.IsNil()) << "process " << setup_.id << " is not registered";
  return identity_;
}

void SimProcess::Die() {
  machine_.reset();
  requests_.clear();
  assigned_.clear();
  running_.clear();
  arrivals_.clear();
}

void SimProcess::NotePosted(const worker::Event& event) {
  std::visit(
      [&]<class Event>(const Event& posted) {
        if constexpr (kBlocks<Event>) {
          requests_.emplace(posted.request, event);
        } else if constexpr (std::is_same_v<Event, worker::RequestAbandoned>) {
          requests_.erase(posted.request);
        } else if constexpr (std::is_same_v<Event, worker::TaskExecuted>) {
          EraseOne(running_, posted.task);
        }
      },
      event);
}

void SimProcess::NoteStarted(const TaskSpec& spec) {
  EraseOne(assigned_, spec.task);
  running_.emplace(spec.task, spec.header->name);
  if (spec.header->kind == TaskKind::kActorCreation) actor_class_ = spec.header->function.name;
}

void SimProcess::NoteArrived(const TaskSpec& spec, Instant now) {
  if (arrivals_.empty()) arrivals_.resize(kArrivals);
  arrivals_[spec.task.low % kArrivals] = {spec.task, now};
}

Instant SimProcess::ArrivalOf(const TaskSpec& spec, Instant now) const {
  if (arrivals_.empty()) return now;
  const Arrival& arrival = arrivals_[spec.task.low % kArrivals];
  return arrival.task == spec.task ? arrival.time : now;
}

std::string SimProcess::NameOfTask(TaskId task) const {
  const auto found = running_.find(task);
  return found == running_.end() ? "" : found->second;
}

bool SimProcess::Runs(const std::string& name) const {
  const auto is_it = [&](const auto& entry) { return entry.second == name; };
  return actor_class_ == name || std::any_of(assigned_.begin(), assigned_.end(), is_it) ||
         std::any_of(running_.begin(), running_.end(), is_it);
}

std::vector<std::string> SimProcess::Waits(const std::string& node_name) const {
  std::vector<std::string> waits;
  if (!IsAlive()) return waits;
  const std::vector<worker::PendingTask> tasks = machine_->PendingTasks();
  const std::string who =
      absl::StrCat(setup_.is_driver ? "driver" : "worker", " pid ", setup_.pid, " on ", node_name);
  for (const auto& [request, event] : requests_) {
    waits.push_back(absl::StrCat(who, " waits for: ", NameRequest(event, tasks)));
  }
  for (const worker::PendingTask& task : tasks) {
    waits.push_back(absl::StrCat(who, " has a pending task: ", task.name, " (", task.task.Short(),
                                 ", attempt ", task.attempt, "): ", task.state));
  }
  return waits;
}

}  // namespace mobula::sim
