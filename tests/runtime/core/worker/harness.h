// SPDX-License-Identifier: Apache-2.0
/// One Worker machine on a bench: events go in, effects are looked at, the invariants hold after
/// each.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/core/worker/worker.h"

namespace mobula::worker {

class Harness : public ::testing::Test {
 protected:
  static constexpr NodeId kNode{0x11, 1};
  static constexpr NodeId kOtherNode{0x22, 1};
  const Address self{kNode, WorkerId{0xA0, 1}};
  const Address daemon = Address::Daemon(kNode);
  const Address remote_daemon = Address::Daemon(kOtherNode);
  /// A leased worker, another process on another node, and one that owns what this process borrows.
  const Address worker{kNode, WorkerId{0xB0, 1}};
  const Address remote{kOtherNode, WorkerId{0xC0, 1}};
  const Address owner{kOtherNode, WorkerId{0xD0, 1}};
  const TaskId root{0x77, 7};

  Harness() : machine_(self.worker, options_) { Register(); }
  explicit Harness(Options options) : options_(options), machine_(self.worker, options) {
    Register();
  }

  /// Handles `event` and returns its effects.
  Effects& Do(const Event& event) {
    effects_.clear();
    machine_.Handle(now_, event, effects_);
    machine_.CheckInvariants();
    return effects_;
  }
  Effects& Receive(const Address& source, Message message) {
    return Do(MessageReceived{source, std::move(message)});
  }
  void Pass(Duration span) { now_ = now_ + span; }

  /// The messages of one kind among the last effects.
  template <class M>
  std::vector<std::pair<Address, M>> Sent() const {
    std::vector<std::pair<Address, M>> sent;
    for (const Effect& effect : effects_) {
      const auto* send = std::get_if<Send>(&effect);
      if (send == nullptr) continue;
      if (const auto* message = std::get_if<M>(&send->message))
        sent.emplace_back(send->target, *message);
    }
    return sent;
  }
  /// The only message of one kind among the last effects.
  template <class M>
  M Only() const {
    const auto sent = Sent<M>();
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() ? M{} : sent.front().second;
  }
  template <class E>
  std::vector<E> All() const {
    std::vector<E> all;
    for (const Effect& effect : effects_) {
      if (const auto* found = std::get_if<E>(&effect)) all.push_back(*found);
    }
    return all;
  }
  std::size_t MessagesSent() const { return All<Send>().size(); }

  static Payload Value(const std::string& text) { return {PayloadKind::kValue, Bytes(text), {}}; }
  ObjectId Put(std::uint32_t counter) const { return PutObject(root, 0, counter); }

  TaskSpec NewTask(std::uint64_t counter, std::vector<ObjectRef> references = {}) const {
    TaskSpec spec;
    spec.task = ChildTask(root, 0, counter);
    TaskHeader& header = spec.header.Edit();
    header.owner = self;
    spec.parent = root;
    header.name.push_back('f');
    for (const ObjectRef& reference : references) {
      spec.arguments.emplace_back().reference = reference;
    }
    return spec;
  }

  /// Submits and has the daemon grant `worker` for it. Returns the pushed spec.
  TaskSpec SubmitAndGrant(const TaskSpec& spec, const Address& target) {
    Do(TaskSubmitted{spec});
    const auto request = Only<RequestLease>().request;
    Receive(daemon, LeaseGranted{request, LeaseId{++leases_, 9}, target, 1});
    return Only<PushTask>().spec;
  }

  TaskDone Done(const TaskSpec& spec, const std::string& text = "value") const {
    TaskDone done{spec.task, spec.attempt, {}, false, {}, Milliseconds(1)};
    for (std::uint32_t i = 0; i < spec.header->num_returns; ++i) {
      done.results.push_back({spec.Return(i), Value(text), false, 0, {}});
    }
    return done;
  }
  TaskDone DoneInStore(const TaskSpec& spec) const {
    TaskDone done = Done(spec, "");
    for (TaskResult& result : done.results) {
      result.in_store = true;
      result.size = 1000;
    }
    return done;
  }
  /// A finished task whose result lies in the store of `target`'s node.
  void RunStored(const TaskSpec& spec, const Address& target) {
    const TaskSpec pushed = SubmitAndGrant(spec, target);
    Receive(target, DoneInStore(pushed));
  }

  FetchedValue GetNow(ObjectId object) {
    Do(GetRequested{++requests_, {object}, std::nullopt, true});
    const auto answers = All<FulfilGet>();
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? FetchedValue{} : answers.front().values.front();
  }
  ErrorKind ErrorOf(ObjectId object) { return GetNow(object).value.Problem().kind; }
  const ReferenceView View(ObjectId object) const {
    for (const ReferenceView& view : machine_.References()) {
      if (view.reference.id == object) return view;
    }
    return {};
  }
  std::vector<FailedTask> Failed() const { return machine_.FailedTasks(); }
  bool Knows(ObjectId object) const { return !machine_.FindReference(object).id.IsNil(); }

  Instant now_;
  Options options_;
  Worker machine_;
  Effects effects_;
  std::uint64_t leases_ = 0;
  RequestId requests_ = 1000;

 private:
  void Register() {
    WorkerRegistered answer;
    answer.address = self;
    Receive(daemon, answer);
  }
};

}  // namespace mobula::worker
