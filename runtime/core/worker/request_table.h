// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "runtime/core/worker/executor.h"
#include "runtime/core/worker/object_values.h"

namespace mobula::worker {

/// The blocking `get` and `wait` calls of the language layer. A `get` ends with the first failure,
/// whatever else it waits for. One that found an object in the
/// store keeps it pinned until the language layer, which receives it, releases it. View: one
/// process's.
///
/// A call that must wait while a task runs here lends the task's CPU out (`Executor::Block`).
class RequestTable {
 public:
  RequestTable(Context& context, ObjectValues& values, StoreClient& store, Executor& executor)
      : context_(context), values_(values), store_(store), executor_(executor) {}

  void Get(const GetRequested& event);
  void Wait(const WaitRequested& event);
  void Abandon(RequestId request);
  void OnTimeout(RequestId request);
  /// A call that blocks the task of a process and waits for all of these objects.
  struct BlockingCall {
    RequestId request = 0;
    std::vector<ObjectId> objects;
  };
  /// Those that have blocked for `Options::blocked_patience`, each once. Call when kBlocked fires.
  [[nodiscard]] std::vector<BlockingCall> TakeOverdue();
  /// The one that blocks now, when there is exactly one.
  [[nodiscard]] std::optional<BlockingCall> Blocking() const;
  /// The object of a slot has come, or cannot be brought here.
  void OnNotice(RequestId request, std::uint32_t slot, const Boxed<ErrorInfo>& failure);
  void CheckInvariants() const;

 private:
  struct Request {
    bool is_wait = false;
    std::vector<ObjectId> objects;
    /// Whether each slot's object has come.
    std::vector<bool> ready;
    /// Of a get, what each was when it came; a stored value is pinned by this request.
    std::vector<FetchedValue> values;
    /// Objects that are ready, and how many of them end the request.
    std::uint32_t ready_count = 0;
    std::uint32_t wanted = 0;
    /// Of a wait: the objects asked for, all unless the first ones were enough.
    std::size_t asked = 0;
    /// A get: one of the objects that came is an error.
    bool failed = false;
    bool fetch_local = true;
    /// It counts in `Executor::Block`.
    bool blocks = false;
    /// It blocks for good: until every object is there, however long that takes.
    bool waits_for_all = false;
    Instant since;
    bool examined = false;

    [[nodiscard]] bool IsDone() const { return failed || ready_count >= wanted; }
  };
  using Entry = std::map<RequestId, Request>::iterator;

  void Begin(RequestId id, Request request, std::optional<Duration> timeout, bool releases_cpu);
  /// Asks for the object of a slot, and takes note when it is here.
  void Ask(RequestId id, Request& request, std::uint32_t slot);
  void MarkReady(Request& request, std::uint32_t slot, const Boxed<ErrorInfo>& failure = {});
  void Fulfil(Entry entry, bool timed_out);
  void WatchFrom(Instant since);
  [[nodiscard]] static BlockingCall MissingOf(RequestId id, const Request& request);
  /// Drops the request with its pins and its waiting places.
  void Forget(Entry entry);

  Context& context_;
  ObjectValues& values_;
  StoreClient& store_;
  Executor& executor_;
  /// From the event until it is fulfilled or abandoned.
  std::map<RequestId, Request> requests_;
  /// A kBlocked timer runs.
  bool is_watched_ = false;
};

}  // namespace mobula::worker
