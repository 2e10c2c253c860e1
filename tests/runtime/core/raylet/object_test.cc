// SPDX-License-Identifier: Apache-2.0
// Goal: the raylet connects the object store and the pulls to deaths, timers and chunk events. The
// rules of the store itself are tested in tests/runtime/core/object_store.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

ObjectRef Ref(std::uint64_t number, const Address& owner = kDriver) {
  return {ObjectId{TaskId{0, number}, 0}, owner};
}

class ObjectTest : public RayletFixture {
 protected:
  void Put(const ObjectRef& object, std::uint64_t size) {
    Hear(kDriver, CreateObject{1, object, size});
    Hear(kDriver, SealObject{object.id});
  }
};

TEST_F(ObjectTest, StoresAnObjectAndShowsIt) {
  JoinWithDriver();
  const auto created = Sent<ObjectCreated>(Hear(kDriver, CreateObject{1, Ref(1), 100}));
  ASSERT_THAT(created, SizeIs(1));
  EXPECT_EQ(raylet_.StoreOffset(Ref(1).id), created[0].second.offset);
  EXPECT_THAT(Sent<ObjectLocationChanged>(Hear(kDriver, SealObject{Ref(1).id})), IsEmpty())
      << "the owner learns it from the process that wrote it";
  const auto available = Sent<ObjectAvailable>(Hear(kDriver, FetchObject{Ref(1), 100, {kSelf}}));
  ASSERT_THAT(available, SizeIs(1));
  StoredObjectView view{Ref(1), 0, 100, true, true, 1};
  EXPECT_THAT(raylet_.Objects(), ElementsAre(view));
  Hear(kDriver, FreeObject{Ref(1).id});
  Hear(kDriver, ReleaseObject{Ref(1).id});
  EXPECT_THAT(raylet_.Objects(), IsEmpty());
  EXPECT_EQ(raylet_.StoreOffset(Ref(1).id), std::nullopt);
}

TEST_F(ObjectTest, PullsFromAnotherNodeAndTellsTheOwner) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  const Effects fetched = Hear(kDriver, FetchObject{Ref(1, Remote(7)), 1500, {Node(2)}});
  EXPECT_THAT(Sent<RequestChunk>(fetched), SizeIs(2));
  EXPECT_THAT(Sent<WatchWorker>(fetched), SizeIs(1)) << "the owner";
  Do(ChunkReceived{Node(2), Ref(1).id, 0, 1000});
  const Effects complete = Do(ChunkReceived{Node(2), Ref(1).id, 1000, 500});
  EXPECT_THAT(Sent<ObjectLocationChanged>(complete),
              ElementsAre(std::pair(Remote(7), ObjectLocationChanged{Ref(1).id, kSelf, true})));
  EXPECT_THAT(Sent<ObjectAvailable>(complete), SizeIs(1));
}

TEST_F(ObjectTest, ServesChunksToPeers) {
  JoinWithDriver();
  Put(Ref(1), 100);
  const Address peer = Address::Daemon(Node(2));
  EXPECT_THAT(Of<SendChunk>(Hear(peer, RequestChunk{Ref(1).id, 10, 90})),
              ElementsAre(SendChunk{Node(2), Ref(1).id, 10, 90, 0}));
  EXPECT_THAT(Sent<ChunkUnavailable>(Hear(peer, RequestChunk{Ref(2).id, 0, 1})), SizeIs(1));
}

TEST_F(ObjectTest, APullFailsWhenItsOnlySourceDiesOrHasNothing) {
  JoinWithDriver({Told(2, Cpus(1), {}), Told(3, Cpus(1), {})});
  Hear(kDriver, FetchObject{Ref(1), 500, {Node(2)}});
  Hear(kDriver, FetchObject{Ref(2), 500, {Node(3)}});
  EXPECT_THAT(Sent<ObjectUnavailable>(HearGcs(ClusterChanged{{Dead(2)}})), SizeIs(1));
  EXPECT_THAT(
      Sent<ObjectUnavailable>(Hear(Address::Daemon(Node(3)), ChunkUnavailable{Ref(2).id, {}})),
      SizeIs(1));
  EXPECT_THAT(raylet_.Objects(), IsEmpty());
}

TEST_F(ObjectTest, ObjectsOfADeadOwnerAreFreedWhereverItLived) {
  JoinWithDriver({Told(2, Cpus(1), {}), Told(3, Cpus(1), {})});
  const Address third{Node(3), WorkerId{0, 8}};
  Put(Ref(1, Remote(7)), 100);
  Put(Ref(2, third), 100);
  Hear(Address::Daemon(Node(2)), WorkerDied{Remote(7), "killed", false});
  EXPECT_THAT(raylet_.Objects(), SizeIs(1));
  HearGcs(ClusterChanged{{Dead(3)}});
  EXPECT_THAT(raylet_.Objects(), IsEmpty());
  Put(Ref(3, third), 100);
  EXPECT_THAT(raylet_.Objects(), IsEmpty()) << "its owner was dead already";
}

TEST_F(ObjectTest, ADeadProcessLeavesNothingBehind) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  Put(Ref(1), 100);
  Hear(granted.worker, FetchObject{Ref(1), 100, {kSelf}});
  Hear(granted.worker, CreateObject{1, Ref(2), 100});
  Hear(granted.worker, CreateObject{2, Ref(3, granted.worker), 100});
  Hear(granted.worker, SealObject{Ref(3).id});
  EXPECT_THAT(raylet_.Objects(), SizeIs(3));
  Do(ProcessExited{granted.worker.worker, "signal 9"});
  StoredObjectView left{Ref(1), 0, 100, true, true, 0};
  EXPECT_THAT(raylet_.Objects(), ElementsAre(left));
}

TEST_F(ObjectTest, FreeingWhatIsBeingPulledFailsThePull) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  Hear(kDriver, FetchObject{Ref(1), 500, {Node(2)}});
  const auto failed = Sent<ObjectUnavailable>(Hear(kDriver, FreeObject{Ref(1).id}));
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].second.error.kind, ErrorKind::kObjectFreed);
}

TEST_F(ObjectTest, StoreTimersReachTheStore) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  Put(Ref(1), 6000);
  const auto timers = Of<StartTimer>(Hear(kDriver, CreateObject{2, Ref(2), 1000}));
  ASSERT_THAT(timers, SizeIs(1));
  const auto failed = Sent<ObjectCreated>(Do(TimerFired{timers[0].timer}));
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].second.error.kind, ErrorKind::kObjectStoreFull);
  Hear(kDriver, FetchObject{Ref(3), 300, {Node(2)}});
  now_ = now_ + Seconds(2);
  EXPECT_THAT(Sent<RequestChunk>(Fire(TimerKind::kPull, 1)), SizeIs(1)) << "asked again";
}

TEST(RayletStore, FreeMemoryIsOfferedBackWhenAJobEnds) {
  Options options = TestOptions(Cpus(1));
  options.store_capacity = 4 << 20;
  Raylet raylet(options);
  Effects out;
  raylet.Handle(Instant{}, MessageReceived{Address::Gcs(), JobFinished{kJob}}, out);
  EXPECT_THAT(out, testing::Contains(Effect(DiscardMemory{0, 4 << 20})));
}

}  // namespace
}  // namespace mobula::raylet
