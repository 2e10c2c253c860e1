// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "runtime/core/worker/events.h"
#include "runtime/core/worker/options.h"

namespace mobula::worker {

/// The timers of this machine; `TimerId::kind` holds one of these.
enum class TimerKind : std::uint32_t {
  kGcsRetry,        ///< key: the request number.
  kRequestTimeout,  ///< key: the language layer's request.
  kLeaseLinger,     ///< key: the lease's timer number.
  kStall,           ///< key: the arrival number of the pushed task.
  kBlocked,         ///< key: none. A `get` may have blocked a task for long.
};

/// What all parts of one Worker machine share: who the process is, and the event being handled.
/// `now` and `out` are valid only while `Worker::Handle` runs.
struct Context {
  Context(const Options& tunables, WorkerId id) : options(tunables), worker(id) {}

  Options options;
  WorkerId worker;
  /// Nil until the daemon has answered the registration.
  Address self;
  /// The driver of the job; nil likewise.
  Address driver;
  /// The actor that lives here, from the start of its constructor on.
  ActorId actor;
  Instant now;
  Effects* out = nullptr;

  [[nodiscard]] bool Has(Bug bug) const { return options.bugs.Has(bug); }

  template <class E>
  void Emit(E effect) {
    out->emplace_back(std::in_place_type<E>, std::move(effect));
  }
  /// The message is built where it will lie: to move one is to ask which of a hundred kinds it is.
  template <class M>
  void Tell(const Address& target, M&& message) {
    out->emplace_back(std::in_place_type<Send>, target, Message(std::forward<M>(message)));
  }
  template <class M>
  void TellDaemon(M&& message) {
    Tell(Address::Daemon(self.node), std::forward<M>(message));
  }
  template <class M>
  void TellGcs(M&& message) {
    Tell(Address::Gcs(), std::forward<M>(message));
  }
  /// Nobody has looked at this value, nor will. Only a driver's user is told.
  void TellUnhandled(const Payload& value) {
    if (value.kind != PayloadKind::kValue) TellUnhandledFailure(value);
  }
  void Start(TimerKind kind, std::uint64_t key, Duration delay) {
    Emit(StartTimer{TimerId{static_cast<std::uint32_t>(kind), key}, delay});
  }

 private:
  void TellUnhandledFailure(const Payload& value) {
    if (self != driver) return;
    // What the program has freed, and the ends of generators, are no failures.
    const ErrorKind kind = value.kind == PayloadKind::kError ? value.Problem().kind : ErrorKind{};
    if (kind == ErrorKind::kObjectFreed || kind == ErrorKind::kEndOfStream) return;
    Emit(UnhandledError{value});
  }
};

}  // namespace mobula::worker
