// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/metrics.h"

#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/metrics_text.h"

namespace mobula::host {
namespace {

/// One kind of thing, by what state it is in.
class States {
 public:
  explicit States(std::initializer_list<const char*> expected) {
    for (const char* state : expected) counts_[state] = 0;
  }
  template <class Enum>
  void AddEnum(Enum state) {
    // Such as kAlive.
    Add(absl::AsciiStrToLower(boost::describe::enum_to_string(state, "k?") + 1));
  }
  void Add(const std::string& state, double count = 1) { counts_[state] += count; }
  void Write(MetricsText& out, const std::string& name, const std::string& help) const {
    out.Family(name, "gauge", help);
    for (const auto& [state, count] : counts_) out.Sample(name, {{"state", state}}, count);
  }

 private:
  std::map<std::string, double> counts_;
};

void WriteCluster(MetricsText& out, const gcs::Gcs& gcs) {
  States nodes({"alive", "dead"});
  for (const NodeView& node : gcs.Nodes()) nodes.Add(node.alive ? "alive" : "dead");
  nodes.Write(out, "mobula_nodes", "Nodes that are or were in the cluster.");
  States actors({"alive", "dead", "pending", "restarting"});
  for (const ActorView& actor : gcs.Actors()) actors.AddEnum(actor.state);
  actors.Write(out, "mobula_actors", "Actors of the cluster.");
  States jobs({"running", "finished"});
  for (const JobView& job : gcs.Jobs()) jobs.Add(job.finished ? "finished" : "running");
  jobs.Write(out, "mobula_jobs", "Drivers that are or were in the cluster.");
  States groups({"created", "pending", "removed", "rescheduling"});
  for (const PlacementGroupView& group : gcs.PlacementGroups()) groups.AddEnum(group.state);
  groups.Write(out, "mobula_placement_groups", "Placement groups of the cluster.");
}

void WriteResources(MetricsText& out, const std::string& name, const std::string& help,
                    const ResourceSet& resources) {
  out.Family(name, "gauge", help);
  for (const auto& [kind, units] : resources.units) {
    out.Sample(name, {{"name", kind}}, resources.Get(kind));
  }
}

void WriteTasks(MetricsText& out, const PageBook::Totals& totals, const raylet::Raylet& raylet) {
  States tasks({});
  tasks.Add("waiting_for_lease", static_cast<double>(raylet.LeaseRequests().size()));
  tasks.Add("queued", static_cast<double>(totals.queued));
  tasks.Add("running", static_cast<double>(totals.running));
  tasks.Write(out, "mobula_tasks",
              "Tasks and calls on this node: running, queued at a worker, and requests for leases, "
              "each of which stands for all waiting tasks of its kind.");
  out.Single("mobula_tasks_submitted_total", "counter", "By processes of this node.",
             static_cast<double>(totals.submitted));
  out.Single("mobula_tasks_pending", "gauge",
             "Submitted by processes of this node and not finished, wherever they are.",
             static_cast<double>(totals.pending));
  out.Single("mobula_tasks_started_total", "counter", "Executions begun on this node.",
             static_cast<double>(totals.started));
  out.Family("mobula_tasks_ended_total", "counter", "Executions that came to an end.");
  out.Sample("mobula_tasks_ended_total", {{"outcome", "finished"}},
             static_cast<double>(totals.finished));
  out.Sample("mobula_tasks_ended_total", {{"outcome", "failed"}},
             static_cast<double>(totals.failed));
}

void WriteStore(MetricsText& out, const NodeHost& host, const raylet::Raylet& raylet) {
  double bytes = 0;
  const auto objects = raylet.Objects();
  for (const raylet::StoredObjectView& object : objects) {
    if (object.in_memory) bytes += static_cast<double>(object.size);
  }
  out.Single("mobula_store_objects", "gauge", "Copies of objects on this node.",
             static_cast<double>(objects.size()));
  out.Single("mobula_store_bytes", "gauge", "Of objects in the store's memory.", bytes);
  out.Single("mobula_store_capacity_bytes", "gauge", "Of the store's memory.",
             static_cast<double>(host.StoreBytes()));
  const object_store::SpillStatistics& spilling = raylet.Spilling();
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  out.Single("mobula_spilled_bytes", "gauge", "Of objects on disk now.", number(spilling.bytes));
  out.Single("mobula_spill_files", "gauge", "Files that hold them.", number(spilling.files));
  out.Single("mobula_spilled_objects_total", "counter", "Objects that were spilled.",
             number(spilling.spilled_objects));
  out.Single("mobula_spilled_bytes_total", "counter", "Bytes that were spilled.",
             number(spilling.spilled_bytes));
  out.Single("mobula_restored_objects_total", "counter", "Objects that were read back.",
             number(spilling.restored_objects));
  out.Single("mobula_restored_bytes_total", "counter", "Bytes that were read back.",
             number(spilling.restored_bytes));
}

void WriteTraffic(MetricsText& out, const Traffic& traffic) {
  const auto write = [&](const std::string& name, const std::string& help,
                         std::uint64_t Traffic::Counts::* count) {
    out.Family(name, "counter", help);
    out.Sample(name, {{"direction", "sent"}}, static_cast<double>(traffic.sent.*count));
    out.Sample(name, {{"direction", "received"}}, static_cast<double>(traffic.received.*count));
  };
  write("mobula_transfer_bytes_total", "Bytes of objects, to and from other nodes.",
        &Traffic::Counts::bytes);
  write("mobula_transfer_chunks_total", "The pieces in which they came.", &Traffic::Counts::chunks);
  out.Family("mobula_link_round_trip_seconds", "histogram",
             "From a frame to another node until it is acknowledged, which may wait for 20 ms.");
  out.Seconds("mobula_link_round_trip_seconds", {}, traffic.RoundTrips());
}

void WriteRaylet(MetricsText& out, const NodeHost& host, const raylet::Raylet& raylet) {
  States workers({"actor", "driver", "idle", "leased", "starting"});
  for (const raylet::WorkerView& worker : raylet.Workers()) workers.Add(worker.state);
  workers.Write(out, "mobula_workers", "Processes of this node.");
  const PageBook::Totals totals = host.Pages().Sum();
  WriteTasks(out, totals, raylet);
  out.Single("mobula_leases", "gauge", "Leases on workers of this node.",
             static_cast<double>(raylet.Leases().size()));
  WriteStore(out, host, raylet);
  WriteTraffic(out, host.Exchanged());
  out.Family("mobula_rpc_seconds", "histogram",
             "How long processes of this node waited for an answer: of the GCS, for a lease, for "
             "room in the store.");
  for (std::size_t rpc = 0; rpc < kRpcs; ++rpc) {
    const char* const name = boost::describe::enum_to_string(static_cast<Rpc>(rpc), "k?");
    out.Seconds("mobula_rpc_seconds", {{"method", absl::AsciiStrToLower(name + 1)}},
                totals.waited[rpc]);
  }
  WriteResources(out, "mobula_resources_available", "What nothing holds.", raylet.Available());
}

/// Under the names that Prometheus's own libraries give them.
void WriteDaemon(MetricsText& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  out.Single("process_cpu_seconds_total", "counter", "Of the daemon.",
             seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::uint64_t pages_all = 0;
  std::uint64_t pages = 0;
  std::uint64_t pages_shared = 0;
  std::ifstream("/proc/self/statm") >> pages_all >> pages >> pages_shared;
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.Single("process_resident_memory_bytes", "gauge", "Of the daemon, the store included.",
             static_cast<double>(pages) * page_bytes);
  out.Single("mobula_daemon_private_bytes", "gauge", "Of the daemon, without the store.",
             static_cast<double>(pages - pages_shared) * page_bytes);
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  out.Single("process_open_fds", "gauge", "Of the daemon.",
             error ? 0 : static_cast<double>(std::distance(begin(files), end(files))));
}

/// How python/mobula/_metrics_page.py writes a sample: this, and behind it its texts one after the
/// other, filled up to a multiple of eight bytes.
struct SampleHead {
  std::uint32_t size = 0;
  std::uint32_t type = 0;
  std::uint32_t family = 0;
  std::uint32_t help = 0;
  std::uint32_t name = 0;
  std::uint32_t labels = 0;
  double value = 0;
};
constexpr const char* kSampleTypes[] = {"counter", "gauge", "histogram"};

struct ProgramFamily {
  std::uint32_t type = 0;
  std::string help;
  struct Sample {
    std::string name;
    std::string labels;
    std::string worker;
    double value = 0;
  };
  std::vector<Sample> samples;
};
using ProgramFamilies = std::map<std::string, ProgramFamily>;

void ReadSamples(std::span<const std::byte> area, const std::string& worker,
                 ProgramFamilies& families) {
  std::uint64_t complete = 0;
  std::memcpy(&complete, area.data(), sizeof(complete));
  area = area.subspan(sizeof(complete));
  // What a process writes is not trusted to be well-formed.
  area = area.first(std::min<std::uint64_t>(complete, area.size()));
  while (area.size() >= sizeof(SampleHead)) {
    SampleHead head;
    std::memcpy(&head, area.data(), sizeof(head));
    const std::uint64_t texts = std::uint64_t{head.family} + head.help + head.name + head.labels;
    if (head.size > area.size() || texts + sizeof(head) > head.size) return;
    if (head.type >= std::size(kSampleTypes)) return;
    const char* text = reinterpret_cast<const char*>(area.data()) + sizeof(head);
    const auto take = [&](std::uint32_t size) {
      return std::string(std::exchange(text, text + size), size);
    };
    ProgramFamily& family = families[take(head.family)];
    const std::string help = take(head.help);
    if (family.samples.empty()) {
      family.type = head.type;
      family.help = help;
    }
    const std::string name = take(head.name);
    // Programs that call different things alike: the first one has the name.
    if (family.type == head.type) {
      family.samples.push_back({name, take(head.labels), worker, head.value});
    }
    area = area.subspan(head.size);
  }
}

void WritePrograms(MetricsText& out, const PageBook& pages) {
  ProgramFamilies families;
  for (const auto& [worker, living] : pages.All()) {
    ReadSamples(living.page.Samples(), worker.Hex(), families);
  }
  for (const auto& [name, family] : families) {
    out.Family(name, kSampleTypes[family.type], family.help);
    for (const ProgramFamily::Sample& sample : family.samples) {
      out.Written(sample.name, sample.labels, {{"WorkerId", sample.worker}}, sample.value);
    }
  }
}

}  // namespace

std::string NodeMetrics(const NodeHost& host) {
  MetricsText out;
  if (const gcs::Gcs* gcs = host.Machine().FindGcs()) WriteCluster(out, *gcs);
  if (const raylet::Raylet* raylet = host.Machine().FindRaylet()) WriteRaylet(out, host, *raylet);
  WriteDaemon(out);
  WritePrograms(out, host.Pages());
  return out.Take();
}

}  // namespace mobula::host
