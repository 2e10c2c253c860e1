// SPDX-License-Identifier: Apache-2.0
/// Goal: an object lives exactly as long as somebody, anywhere, can reach it.
/// Method: one machine as owner, borrower or executor; the test plays the other side of each
/// hand-over.
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

using ::testing::ElementsAre;

class WorkerBorrow : public Harness {
 protected:
  const ObjectRef foreign{ObjectId{{0x99, 1}, 1}, owner};

  /// A task of `sender` with a reference inside its first argument, running here.
  TaskSpec RunHere(const Address& sender, const ObjectRef& inner) {
    TaskSpec spec;
    spec.task = ChildTask(TaskId{0x55, 1}, 0, ++pushes_);
    TaskHeader& header = spec.header.Edit();
    header.owner = sender;
    header.name = "g";
    TaskArgument& argument = spec.arguments.emplace_back();
    argument.value = Value("holds a reference");
    argument.contained = {inner};
    Receive(sender, PushTask{spec});
    EXPECT_EQ(All<RunTask>().size(), 1u);
    return spec;
  }
  void Take(const TaskSpec& spec, const ObjectRef& inner) {
    Do(ReferenceAdded{inner, ObjectId{spec.task, 0}, true});
    EXPECT_EQ(MessagesSent(), 0u);
  }
  Effects& Execute(const TaskSpec& spec, std::vector<ObjectRef> contained = {}) {
    return Do(TaskExecuted{
        spec.task, 0, {{spec.Return(0), Value("r"), false, 0, contained}}, false, false});
  }

  std::uint64_t pushes_ = 0;
};

TEST_F(WorkerBorrow, TheOwnerKeepsAnObjectUntilItsLastBorrowerReturnsIt) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Receive(remote, AddBorrower{Put(0), remote, 1});
  EXPECT_EQ(Only<BorrowerAdded>(), (BorrowerAdded{1, Put(0), false}));
  Receive(worker, AddBorrower{Put(0), remote, 7});
  Do(ReferenceRemoved{Put(0)});
  // The borrower had not heard of the second registration when it let go.
  Receive(remote, RemoveBorrower{Put(0), remote, 1, {}});
  EXPECT_TRUE(Knows(Put(0)));
  Receive(remote, RemoveBorrower{Put(0), remote, 1, {}});
  EXPECT_FALSE(Knows(Put(0)));
}

TEST_F(WorkerBorrow, ABorrowersDeathGivesBackWhatItHeld) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Receive(remote, AddBorrower{Put(0), remote, 1});
  EXPECT_EQ(Sent<WatchWorker>().size(), 1u);
  Do(ReferenceRemoved{Put(0)});
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  EXPECT_FALSE(Knows(Put(0)));
}

TEST_F(WorkerBorrow, AReferenceThatDanglesIsToldSo) {
  Receive(remote, AddBorrower{Put(0), remote, 1});
  EXPECT_TRUE(Only<BorrowerAdded>().gone);
  Receive(remote, GetObjectStatus{Put(0), {}});
  EXPECT_EQ(Only<ObjectStatusReply>().status.value.Problem().kind, ErrorKind::kObjectFreed);
}

TEST_F(WorkerBorrow, AnArgumentThatStaysIsReportedToItsOwnerWithTheAnswer) {
  const ObjectRef inner{ObjectId{{0x98, 1}, 1}, remote};
  const TaskSpec spec = RunHere(remote, inner);
  Take(spec, inner);
  Execute(spec);
  EXPECT_THAT(Only<TaskDone>().retained, ElementsAre(inner.id));
  Do(ReferenceRemoved{inner.id});
  EXPECT_EQ(Only<RemoveBorrower>().registrations, 1u);
  EXPECT_TRUE(machine_.References().empty());
}

TEST_F(WorkerBorrow, AnArgumentThatOnlyLineageNeedsIsReportedToo) {
  const ObjectRef inner{ObjectId{{0x98, 1}, 1}, remote};
  const TaskSpec spec = RunHere(remote, inner);
  Take(spec, inner);
  TaskSpec child = NewTask(1, {inner});
  child.header.Edit().max_retries = 1;
  Do(TaskSubmitted{child});
  ObjectStatus status;
  status.phase = ObjectPhase::kInline;
  status.value = Value("x");
  Receive(remote, ObjectStatusReply{inner.id, status});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{1, 9}, worker, 1});
  Receive(worker, DoneInStore(Only<PushTask>().spec));
  Do(ReferenceRemoved{inner.id});
  Execute(spec);
  EXPECT_THAT(Only<TaskDone>().retained, ElementsAre(inner.id));
  Do(ReferenceRemoved{child.Return(0)});
  EXPECT_EQ(Only<RemoveBorrower>().registrations, 1u);
}

TEST_F(WorkerBorrow, AnArgumentThatIsDroppedCostsNothing) {
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Do(ReferenceRemoved{foreign.id});
  Execute(spec);
  EXPECT_EQ(MessagesSent(), 1u);
  EXPECT_TRUE(machine_.References().empty());
}

TEST_F(WorkerBorrow, TheAnswerWaitsUntilAnotherOwnerKnowsTheBorrower) {
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Execute(spec);
  EXPECT_TRUE(Sent<TaskDone>().empty());
  Receive(owner, BorrowerAdded{Only<AddBorrower>().request, foreign.id, false});
  EXPECT_TRUE(Only<TaskDone>().retained.empty());
}

TEST_F(WorkerBorrow, AnOwnerThatDoesNotKnowAnObjectIsAskedOnce) {
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Execute(spec);
  Receive(owner, BorrowerAdded{Only<AddBorrower>().request, foreign.id, true});
  EXPECT_TRUE(Only<TaskDone>().retained.empty());
  EXPECT_TRUE(Sent<AddBorrower>().empty());
}

TEST_F(WorkerBorrow, TheAnswerDoesNotWaitForADeadOwner) {
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Execute(spec);
  Receive(remote_daemon, WorkerDied{owner, "killed", false});
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
}

TEST_F(WorkerBorrow, TheCallerIsABorrowerOfWhatAResultContainsBeforeItHearsOfIt) {
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Do(ObjectPut{Put(0), Value("own"), {}});
  const ObjectRef own{Put(0), self};
  Execute(spec, {own, foreign});
  EXPECT_THAT(View(Put(0)).borrowers, ElementsAre(remote));
  const AddBorrower for_caller = Only<AddBorrower>();
  EXPECT_EQ(for_caller.borrower, remote);
  Do(ReferenceRemoved{foreign.id});
  Do(ReferenceRemoved{Put(0)});
  EXPECT_TRUE(Knows(Put(0)));
  Receive(owner, BorrowerAdded{for_caller.request, foreign.id, false});
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
  EXPECT_FALSE(Knows(foreign.id));
}

TEST_F(WorkerBorrow, ADelayedAnswerKeepsTheCallersOwnObjectsAlive) {
  const ObjectRef callers{ObjectId{{0x98, 1}, 1}, remote};
  const TaskSpec first = RunHere(remote, callers);
  Take(first, callers);
  Execute(first);
  const TaskSpec spec = RunHere(remote, foreign);
  Take(spec, foreign);
  Execute(spec, {callers, foreign});
  ASSERT_FALSE(Sent<AddBorrower>().empty());
  const auto request = Sent<AddBorrower>().front().second.request;
  Do(ReferenceRemoved{callers.id});
  EXPECT_TRUE(Sent<RemoveBorrower>().empty());
  Receive(owner, BorrowerAdded{request, foreign.id, false});
  while (Sent<TaskDone>().empty()) {
    ASSERT_FALSE(Sent<AddBorrower>().empty());
    Receive(owner, BorrowerAdded{Only<AddBorrower>().request, foreign.id, false});
  }
  // In this order, on one channel: the caller counts the reference before it hears that we let go.
  const auto& send = std::get<Send>(effects_.front());
  EXPECT_TRUE(std::holds_alternative<TaskDone>(send.message));
  EXPECT_EQ(Sent<RemoveBorrower>().size(), 1u);
}

TEST_F(WorkerBorrow, TheOuterObjectHoldsWhatItsValueContains) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  TaskDone done = Done(spec);
  done.results[0].contained = {foreign};
  Receive(worker, done);
  EXPECT_EQ(View(foreign.id).contained, 1u);
  // The language layer takes it out: this process is known to its owner already.
  Do(ReferenceAdded{foreign, spec.Return(0), false});
  EXPECT_EQ(MessagesSent(), 0u);
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_EQ(MessagesSent(), 0u);
  Do(ReferenceRemoved{foreign.id});
  EXPECT_EQ(Only<RemoveBorrower>().registrations, 1u);
}

TEST_F(WorkerBorrow, AnUnwantedAnswerGivesItsRegistrationsBack) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  Do(ReferenceRemoved{spec.Return(0)});
  TaskDone done = Done(spec);
  done.results[0].contained = {foreign};
  Receive(worker, done);
  EXPECT_EQ(Only<RemoveBorrower>().registrations, 1u);
}

TEST_F(WorkerBorrow, ABorrowedContainerIsHeldUntilTheInnerOwnerKnowsUs) {
  const ObjectRef inner{ObjectId{{0x98, 1}, 1}, remote};
  Do(ReferenceAdded{foreign, {}, false});
  Receive(owner, BorrowerAdded{Only<AddBorrower>().request, foreign.id, false});
  Do(ReferenceAdded{inner, foreign.id, false});
  const auto request = Only<AddBorrower>().request;
  Do(ReferenceRemoved{foreign.id});
  EXPECT_EQ(MessagesSent(), 0u);
  Receive(remote, BorrowerAdded{request, inner.id, false});
  EXPECT_EQ(Sent<RemoveBorrower>().front().first, owner);
}

TEST_F(WorkerBorrow, ASponsorsDeathMakesTheOwnerAskTheBorrower) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Receive(worker, AddBorrower{Put(0), remote, 7});
  EXPECT_EQ(Sent<WatchWorker>().size(), 2u) << "borrower and sponsor";
  Do(ReferenceRemoved{Put(0)});
  Receive(daemon, WorkerDied{worker, "killed", false});
  EXPECT_EQ(Sent<CheckBorrower>().front().first, remote);
  EXPECT_EQ(Only<CheckBorrower>(), (CheckBorrower{Put(0), worker}));
  EXPECT_TRUE(Knows(Put(0))) << "the answer may have come";
  Receive(remote, BorrowerChecked{Put(0), worker, 0});
  EXPECT_FALSE(Knows(Put(0)));
  Receive(remote, BorrowerChecked{Put(0), worker, 0});
}

TEST_F(WorkerBorrow, WhatTheBorrowerHasHeardOfOutlivesTheSponsor) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Receive(worker, AddBorrower{Put(0), remote, 7});
  Receive(worker, AddBorrower{Put(0), remote, 8});
  Do(ReferenceRemoved{Put(0)});
  Receive(daemon, WorkerDied{worker, "killed", false});
  Receive(remote, BorrowerChecked{Put(0), worker, 1});
  EXPECT_TRUE(Knows(Put(0)));
  Receive(remote, RemoveBorrower{Put(0), remote, 1, {{worker, 1}}});
  EXPECT_FALSE(Knows(Put(0)));
}

TEST_F(WorkerBorrow, WhatWasGivenBackIsNotAskedFor) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Receive(remote, AddBorrower{Put(0), remote, 1});
  Receive(worker, AddBorrower{Put(0), remote, 7});
  Receive(remote, RemoveBorrower{Put(0), remote, 1, {{worker, 1}}});
  Receive(daemon, WorkerDied{worker, "killed", false});
  EXPECT_TRUE(Sent<CheckBorrower>().empty());
  EXPECT_TRUE(Knows(Put(0)));
}

TEST_F(WorkerBorrow, ABorrowerAnswersForADeadSponsorOnceItCanHearNoMoreOfIt) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  Receive(owner, CheckBorrower{foreign.id, worker});
  EXPECT_TRUE(Sent<BorrowerChecked>().empty()) << "an answer may be on its way";
  TaskDone done = Done(spec);
  done.results[0].contained = {foreign};
  Receive(worker, done);
  Receive(daemon, WorkerDied{worker, "killed", false});
  EXPECT_EQ(Only<BorrowerChecked>(), (BorrowerChecked{foreign.id, worker, 1}));
  Receive(owner, CheckBorrower{foreign.id, worker});
  EXPECT_EQ(Only<BorrowerChecked>().registrations, 1u) << "asked again";
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_EQ(Only<RemoveBorrower>().sponsored, (std::vector<SponsoredCount>{{worker, 1}}));
  Receive(owner, CheckBorrower{foreign.id, worker});
  EXPECT_EQ(Only<BorrowerChecked>().registrations, 0u);
}

TEST_F(WorkerBorrow, AnAnswerOfTheDeadCountsForNothing) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  Receive(daemon, WorkerDied{worker, "killed", false});
  TaskDone done = Done(spec);
  done.results[0].contained = {foreign};
  Receive(worker, done);
  EXPECT_FALSE(Knows(foreign.id));
  EXPECT_TRUE(Sent<RemoveBorrower>().empty());
}

TEST_F(WorkerBorrow, ArgumentsLiveUntilTheirTaskIsFinishedForGood) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  const TaskSpec spec = SubmitAndGrant(NewTask(1, {{Put(0), self}}), worker);
  Do(ReferenceRemoved{Put(0)});
  Receive(daemon, WorkerDied{worker, "killed", false});
  EXPECT_TRUE(Knows(Put(0)));
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, remote, 1});
  Receive(remote, Done(Only<PushTask>().spec));
  EXPECT_FALSE(Knows(Put(0)));
}

}  // namespace
}  // namespace mobula::worker
