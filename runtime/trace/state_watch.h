// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/core/node/node.h"
#include "runtime/core/worker/worker.h"
#include "runtime/trace/json.h"

namespace mobula::trace {

/// Records that differ from before, as JSON text: `"objects":{"1f3a0000/0":{...},...},...`. A
/// record that is gone is `null`.
class Delta {
 public:
  /// Opens an entry of a section; the caller appends its value to `Text()`. Entries of one section
  /// come together.
  std::string& Add(std::string_view section, std::string_view key);
  /// The whole object, braces included; empty when nothing differs.
  [[nodiscard]] std::string Take();

 private:
  std::string text_;
  std::string section_;
};

/// One table of a machine, as it was last written: a fingerprint of each record.
class WatchedTable {
 public:
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  explicit WatchedTable(const char* name) : name_(name) {}

  /// Writes the record if it differs from what was written under this key.
  template <class Row>
  void Put(Key key, const std::string& text, const Row& row, Delta& delta) {
    Hasher hasher;
    hasher.Mix(row);
    Record& record = records_[key];
    record.round = round_;
    if (record.fingerprint == hasher.Value() && !record.text.empty()) return;
    record.fingerprint = hasher.Value();
    record.text = text;
    AppendJson(delta.Add(name_, text), row);
  }
  void Remove(Key key, Delta& delta);
  /// For a table that is written anew each time: what is not put in between is removed.
  void StartRound() { ++round_; }
  void EndRound(Delta& delta);

 private:
  struct Record {
    std::uint64_t fingerprint = 0;
    std::uint64_t round = 0;
    std::string text;
  };

  const char* name_;
  std::map<Key, Record> records_;
  std::uint64_t round_ = 0;
};

/// Says what an event changed in a process's tables: objects, tasks (with lineage), leases and
/// requests for them, called actors, executions.
class WorkerWatch {
 public:
  /// After each event. `machine` must note what is touched (worker::Options::note_touched).
  void Collect(const worker::Worker& machine, Delta& delta);

 private:
  WatchedTable objects_{"objects"};
  WatchedTable tasks_{"tasks"};
  WatchedTable leases_{"leases"};
  WatchedTable requests_{"requests"};
  WatchedTable actors_{"actors"};
  WatchedTable executions_{"executions"};
};

/// The same of a daemon: its workers, leases, requests, store, resources and links; and on the head
/// what the GCS knows.
class NodeWatch {
 public:
  void Collect(const node::Node& machine, Delta& delta);

 private:
  void CollectRaylet(const raylet::Raylet& raylet, Delta& delta);
  void CollectGcs(const gcs::Gcs& gcs, Delta& delta);
  void CollectLinks(const node::Node& machine, Delta& delta);

  /// Whose state was written: another incarnation's differs as a whole.
  NodeId node_;
  std::uint64_t raylet_events_ = 0;
  std::uint64_t gcs_events_ = 0;
  WatchedTable workers_{"workers"};
  WatchedTable leases_{"granted"};
  WatchedTable requests_{"queued"};
  WatchedTable store_{"store"};
  WatchedTable resources_{"resources"};
  WatchedTable links_{"links"};
  WatchedTable nodes_{"gcs_nodes"};
  WatchedTable actors_{"gcs_actors"};
  WatchedTable jobs_{"gcs_jobs"};
};

}  // namespace mobula::trace
