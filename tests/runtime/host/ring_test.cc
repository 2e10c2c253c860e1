// SPDX-License-Identifier: Apache-2.0
// Goal: bytes cross shared memory whole and in order, neither end sleeps past the other's news, and
// an end that lies or dies does no harm. Method: both ends in one process, in two threads where
// they race.
#include "runtime/host/local/ring_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "runtime/base/rng.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {
namespace {

using Status = ByteStream::Status;

std::string FreshName() {
  static std::atomic<int> count = 0;
  return "mobula-ring-test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

bool IsRung(const RingStream& stream, int timeout_ms = 0) {
  pollfd readable{stream.Number(), POLLIN, 0};
  return poll(&readable, 1, timeout_ms) == 1;
}

/// A connection with both its ends.
class Pair {
 public:
  Pair() {
    const std::string name = FreshName();
    const Fd listener = *ListenOn(name);
    auto connected = RingStream::Connect(name);
    EXPECT_TRUE(connected.ok()) << connected.status();
    left = *std::move(connected);
    right = std::make_unique<RingStream>(*AcceptFrom(listener.Get()));
    right->TakeRings();
  }
  std::unique_ptr<RingStream> left;
  std::unique_ptr<RingStream> right;
};

std::string ReadAll(RingStream& stream) {
  std::string all;
  std::array<char, 1000> room;
  while (true) {
    const ByteStream::Moved moved = stream.Read(room);
    if (moved.status != Status::kMoved) return all;
    all.append(room.data(), moved.bytes);
  }
}

void WaitUntilRung(RingStream& stream) {
  ASSERT_TRUE(IsRung(stream, 10'000)) << "nobody rang for 10 s";
  stream.TakeRings();
}

TEST(RingStream, CarriesBytesBothWays) {
  Pair pair;
  EXPECT_EQ(pair.left->Write("to the right").bytes, 12u);
  EXPECT_EQ(ReadAll(*pair.right), "to the right");
  EXPECT_EQ(pair.right->Write("to the left").bytes, 11u);
  EXPECT_EQ(ReadAll(*pair.left), "to the left");
  EXPECT_EQ(pair.left->Read({}).status, Status::kWouldBlock);
}

TEST(RingStream, RingsOnceForEachSleepOfTheReader) {
  Pair pair;
  ASSERT_TRUE(pair.right->Sleep());
  EXPECT_FALSE(IsRung(*pair.right));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pair.left->Write("x").bytes, 1u);
  ASSERT_TRUE(IsRung(*pair.right));
  pair.right->TakeRings();
  EXPECT_FALSE(IsRung(*pair.right));
  EXPECT_FALSE(pair.right->Sleep()) << "there is something to read";
  EXPECT_EQ(ReadAll(*pair.right), "xxx");
  pair.right->Wake();
  EXPECT_EQ(pair.left->Write("x").bytes, 1u);
  EXPECT_FALSE(IsRung(*pair.right)) << "it was awake";
}

TEST(RingStream, RingsAWriterThatFoundNoRoom) {
  Pair pair;
  EXPECT_EQ(pair.left->Write(std::string(Ring::kBytes + 1, 'x')).bytes, Ring::kBytes);
  EXPECT_EQ(pair.left->Write("y").status, Status::kWouldBlock);
  EXPECT_FALSE(IsRung(*pair.left));
  EXPECT_EQ(ReadAll(*pair.right).size(), Ring::kBytes);
  EXPECT_TRUE(IsRung(*pair.left));
  EXPECT_EQ(pair.left->Write("y").bytes, 1u);
  EXPECT_EQ(ReadAll(*pair.right), "y");
}

// Each end goes to sleep whenever it can, which is when one could overlook the other.
TEST(RingStream, NeitherEndSleepsForEver) {
  Pair pair;
  constexpr std::size_t kTotal = 20 << 20;
  std::thread writer([&] {
    Rng rng(1);
    std::string chunk;
    for (std::size_t sent = 0; sent < kTotal;) {
      chunk.resize(
          std::min<std::size_t>(1 + rng.Below(rng.Below(2) == 0 ? 20 : 50'000), kTotal - sent));
      for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<char>((sent + i) % 251);
      std::string_view rest = chunk;
      while (!rest.empty()) {
        const ByteStream::Moved moved = pair.left->Write(rest);
        rest.remove_prefix(moved.bytes);
        sent += moved.bytes;
        if (moved.status == Status::kWouldBlock) WaitUntilRung(*pair.left);
      }
    }
  });
  std::size_t read = 0;
  std::array<char, 3000> room;
  while (read < kTotal) {
    const ByteStream::Moved moved = pair.right->Read(room);
    ASSERT_NE(moved.status, Status::kClosed);
    for (std::size_t i = 0; i < moved.bytes; ++i)
      ASSERT_EQ(room[i], static_cast<char>((read + i) % 251)) << read + i;
    read += moved.bytes;
    if (moved.bytes == 0 && pair.right->Sleep()) WaitUntilRung(*pair.right);
  }
  writer.join();
}

TEST(RingStream, WhatADeadProcessWroteIsReadToItsEnd) {
  Pair pair;
  EXPECT_EQ(pair.left->Write("last words").bytes, 10u);
  pair.left.reset();
  WaitUntilRung(*pair.right);
  WaitUntilRung(*pair.right);  // First it was rung, then left.
  EXPECT_EQ(ReadAll(*pair.right), "last words");
  std::array<char, 1> room;
  EXPECT_EQ(pair.right->Read(room).status, Status::kClosed);
  EXPECT_EQ(pair.right->Problem(), "");
}

TEST(RingStream, ClosesWhenWhatComesIsNoRing) {
  const std::string name = FreshName();
  const Fd listener = *ListenOn(name);
  const Fd liar = *ConnectTo(name);
  RingStream stream(*AcceptFrom(listener.Get()));
  stream.TakeRings();
  std::array<char, 1> room;
  EXPECT_EQ(stream.Read(room).status, Status::kWouldBlock) << "it has said nothing yet";
  // It could be made shorter while it is read.
  const Fd unsealed(memfd_create("x", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(unsealed.Get(), 1 << 20), 0);
  const int number = unsealed.Get();
  ASSERT_EQ(SendWithDescriptors(liar.Get(), "R", {&number, 1}), 1);
  stream.TakeRings();
  EXPECT_EQ(stream.Read(room).status, Status::kClosed);
  EXPECT_NE(stream.Problem(), "");
}

TEST(RingStream, ClosesWhenNoDescriptorComes) {
  const std::string name = FreshName();
  const Fd listener = *ListenOn(name);
  const Fd liar = *ConnectTo(name);
  RingStream stream(*AcceptFrom(listener.Get()));
  ASSERT_EQ(send(liar.Get(), "R", 1, 0), 1);
  stream.TakeRings();
  std::array<char, 1> room;
  EXPECT_EQ(stream.Read(room).status, Status::kClosed);
}

TEST(RingPair, APositionThatCannotBeIsAnErrorOfTheReader) {
  absl::StatusOr<RingPair> pair = RingPair::Create();
  ASSERT_TRUE(pair.ok());
  const Fd file = pair->TakeFile();
  // The control words lie first in each half; of each, the number of bytes written is the first.
  void* const memory = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.Get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  absl::StatusOr<RingPair> other = RingPair::Map(file);
  ASSERT_TRUE(other.ok());
  *static_cast<std::uint64_t*>(memory) = Ring::kBytes + 1;
  std::array<char, 10> room;
  EXPECT_EQ(other->Incoming().Read(room), std::nullopt);
  munmap(memory, 8192);
}

}  // namespace
}  // namespace mobula::host
