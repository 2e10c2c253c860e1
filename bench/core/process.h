// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "runtime/core/worker/worker.h"

namespace mobula::bench {

inline constexpr NodeId kNode{0x11, 1};
inline constexpr Address kSelf{kNode, WorkerId{0xA0, 1}};
inline constexpr Address kDaemon{kNode, WorkerId{}};
inline constexpr Address kLeased{kNode, WorkerId{0xB0, 1}};
inline constexpr TaskId kRoot{0x77, 7};

/// A no-op task of a driver with one small argument, as the language layers write it.
inline TaskSpec NoOpTask(std::uint64_t counter) {
  static const Shared<TaskHeader> header = [] {
    TaskHeader common;
    common.job = JobId{1, 1};
    common.owner = kSelf;
    common.function = {Language::kCpp, FunctionId{3, 3}, "Nothing"};
    common.name = "Nothing";
    common.resources.SetUnits(ResourceSet::kCpu, ResourceSet::kUnit);
    return common;
  }();
  TaskSpec spec;
  spec.task = ChildTask(kRoot, 0, counter);
  spec.parent = kRoot;
  spec.header = header;
  spec.arguments.emplace_back().value.data = Bytes("1234");
  return spec;
}

/// Its answer, with a small value.
inline TaskDone AnswerTo(const TaskSpec& spec) {
  TaskDone done;
  done.task = spec.task;
  done.attempt = spec.attempt;
  done.results.push_back({spec.Return(0), {PayloadKind::kValue, Bytes("1234"), {}}, false, 0, {}});
  done.run_time = Nanoseconds(500);
  return done;
}

/// One process's machine, without a host: whoever uses it plays the world.
class Process {
 public:
  explicit Process(const worker::Options& options = {}) : machine_(kSelf.worker, options) {
    WorkerRegistered answer;
    answer.address = kSelf;
    Receive(kDaemon, std::move(answer));
  }

  /// The effects are valid until the next call.
  worker::Effects& Handle(const worker::Event& event) {
    effects_.clear();
    machine_.Handle(now_, event, effects_);
    return effects_;
  }
  worker::Effects& Receive(const Address& source, Message message) {
    return Handle(MessageReceived{source, std::move(message)});
  }

 private:
  Instant now_;
  worker::Worker machine_;
  worker::Effects effects_;
};

}  // namespace mobula::bench
