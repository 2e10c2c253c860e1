// SPDX-License-Identifier: Apache-2.0
/// Goal: calls that wait for one another in a circle are found and told, and nothing else is.
/// Method: one machine as worker that runs `g`; the test plays the other processes of the circle.
#include "runtime/core/worker/context.h"
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

class WorkerDeadlock : public Harness {
 protected:
  TaskSpec Pushed(std::uint64_t counter) const {
    TaskSpec spec;
    spec.task = ChildTask(TaskId{0x55, 1}, 0, counter);
    TaskHeader& header = spec.header.Edit();
    header.kind = TaskKind::kActorCall;
    header.owner = remote;
    header.name = "A.g" + std::to_string(counter);
    spec.sequence = counter - 1;
    return spec;
  }
  /// `g1` runs here and waits for the result of a task `f` of its own, which `worker` has.
  TaskSpec BlockOnOwn() {
    Receive(remote, PushTask{Pushed(1)});
    const TaskSpec pushed = SubmitAndGrant(NewTask(1), worker);
    Do(GetRequested{++requests_, {pushed.Return(0)}, std::nullopt, true});
    return pushed;
  }
  Effects& WaitLong() {
    Pass(Seconds(10));
    return Do(TimerFired{{static_cast<std::uint32_t>(TimerKind::kBlocked), 0}});
  }
};

TEST_F(WorkerDeadlock, ATraceGoesToWhoHasTheTaskAndComesBackAsADeadlock) {
  const TaskSpec waited = BlockOnOwn();
  ASSERT_EQ(All<StartTimer>().size(), 1u);
  EXPECT_EQ(All<StartTimer>()[0].delay, Seconds(10));
  WaitLong();
  const auto sent = Sent<TraceWait>();
  ASSERT_EQ(sent.size(), 1u);
  TraceWait trace = sent[0].second;
  EXPECT_EQ(sent[0].first, worker);
  EXPECT_EQ(trace.task, waited.task);
  EXPECT_TRUE(trace.executing);
  // `f` waits for `g2`, which is queued here behind `g1`.
  Receive(remote, PushTask{Pushed(2)});
  trace.task = Pushed(2).task;
  trace.tasks.push_back(waited.task);
  trace.steps.push_back("f");
  Receive(remote, trace);
  const DeadlockFound found = Only<DeadlockFound>();
  EXPECT_EQ(found.tasks.size(), 2u);
  EXPECT_NE(found.message.find("A.g1 -> f -> A.g2 (behind A.g1)."), std::string::npos)
      << found.message;
}

TEST_F(WorkerDeadlock, ATraceOfAnotherGoesOnOnceThroughWhatBlocks) {
  const TaskSpec waited = BlockOnOwn();
  TraceWait trace{remote, 7, Pushed(1).task, true, {TaskId{1, 1}}, {"h"}};
  Receive(remote, trace);
  const TraceWait sent = Only<TraceWait>();
  EXPECT_EQ(sent.task, waited.task);
  EXPECT_EQ(sent.steps, (std::vector<std::string>{"h", "A.g1"}));
  EXPECT_EQ(sent.tasks, (std::vector<TaskId>{{1, 1}, Pushed(1).task}));
  Receive(remote, trace);
  EXPECT_TRUE(effects_.empty()) << "it was here";
  trace.request = 8;
  Receive(remote, trace);
  EXPECT_EQ(Sent<TraceWait>().size(), 1u) << "another one";
}

TEST_F(WorkerDeadlock, ATraceOfABorrowedObjectGoesToItsOwner) {
  Receive(remote, PushTask{Pushed(1)});
  const ObjectRef borrowed{{TaskId{0x99, 1}, 0}, owner};
  Do(ReferenceAdded{borrowed, {}, false});
  Do(GetRequested{++requests_, {borrowed.id}, std::nullopt, true});
  WaitLong();
  const auto sent = Sent<TraceWait>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].first, owner);
  EXPECT_FALSE(sent[0].second.executing);
}

TEST_F(WorkerDeadlock, ATaskThatWaitsForItsArgumentsLeadsToThem) {
  const TaskSpec first = SubmitAndGrant(NewTask(1), worker);
  const ObjectRef argument{first.Return(0), self};
  Do(TaskSubmitted{NewTask(2, {argument})});
  Receive(remote, TraceWait{remote, 7, NewTask(2).task, false, {TaskId{1, 1}}, {"h"}});
  EXPECT_EQ(Only<TraceWait>().task, first.task);
  EXPECT_EQ(Only<TraceWait>().steps.back(), "f (for its arguments)");
}

TEST_F(WorkerDeadlock, ALongChainOfArgumentsIsNotFollowedToItsEnd) {
  SubmitAndGrant(NewTask(1), worker);
  constexpr std::uint64_t kLast = 100;
  for (std::uint64_t i = 2; i <= kLast; ++i)
    Do(TaskSubmitted{NewTask(i, {{NewTask(i - 1).Return(0), self}})});
  Receive(remote, TraceWait{remote, 7, NewTask(kLast).task, false, {TaskId{1, 1}}, {"h"}});
  EXPECT_TRUE(effects_.empty());
  Receive(remote, TraceWait{remote, 7, NewTask(50).task, false, {TaskId{1, 1}}, {"h"}});
  EXPECT_EQ(Only<TraceWait>().task, NewTask(1).task);
}

TEST_F(WorkerDeadlock, WhatRunsOrMayEndByItselfEndsATrace) {
  Receive(remote, PushTask{Pushed(1)});
  const TraceWait trace{remote, 7, Pushed(1).task, true, {TaskId{1, 1}}, {"h"}};
  Receive(remote, trace);
  EXPECT_TRUE(effects_.empty()) << "g1 runs";
  const TaskSpec pushed = SubmitAndGrant(NewTask(1), worker);
  Do(GetRequested{++requests_, {pushed.Return(0)}, Seconds(30), true});
  Receive(remote, trace);
  EXPECT_TRUE(effects_.empty()) << "its get has a timeout";
  WaitLong();
  EXPECT_TRUE(Sent<TraceWait>().empty());
}

TEST_F(WorkerDeadlock, AGetThatIsAnsweredInTimeIsNotTraced) {
  const TaskSpec waited = BlockOnOwn();
  Receive(worker, Done(waited));
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
  WaitLong();
  EXPECT_TRUE(effects_.empty());
}

TEST_F(WorkerDeadlock, AGetThatBeganLaterIsLookedAtLater) {
  const TaskSpec waited = BlockOnOwn();
  Receive(worker, Done(waited));
  Pass(Seconds(6));
  const TaskSpec next = NewTask(2);
  Do(TaskSubmitted{next});
  Do(GetRequested{++requests_, {next.Return(0)}, std::nullopt, true});
  EXPECT_TRUE(All<StartTimer>().empty()) << "one timer is enough";
  Pass(Seconds(4));
  Do(TimerFired{{static_cast<std::uint32_t>(TimerKind::kBlocked), 0}});
  ASSERT_EQ(All<StartTimer>().size(), 1u);
  EXPECT_EQ(All<StartTimer>()[0].delay, Seconds(6));
}

TEST_F(WorkerDeadlock, TheDriverTellsOfEachCircleOnce) {
  const DeadlockFound found{{TaskId{1, 1}, TaskId{1, 2}}, "a circle"};
  Receive(remote, found);
  ASSERT_EQ(All<Warn>().size(), 1u);
  Receive(owner, DeadlockFound{found.tasks, "the same from elsewhere"});
  EXPECT_TRUE(effects_.empty());
  Receive(owner, DeadlockFound{{}, "of resources"});
  EXPECT_EQ(All<Warn>().size(), 1u);
  Receive(owner, DeadlockFound{{}, "of resources"});
  EXPECT_TRUE(effects_.empty());
}

}  // namespace
}  // namespace mobula::worker
