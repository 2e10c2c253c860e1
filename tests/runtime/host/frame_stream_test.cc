// SPDX-License-Identifier: Apache-2.0
// Goal: envelopes cross a socket whole and in order however the bytes are cut, and no bytes do
// harm.
#include "runtime/host/local/frame_stream.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "runtime/base/rng.h"

namespace mobula::host {
namespace {

struct SocketPair {
  SocketPair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    left = Fd(ends[0]);
    right = Fd(ends[1]);
  }
  Fd left;
  Fd right;
};

Envelope Numbered(std::uint64_t number, std::size_t bytes = 0) {
  KvRequest request;
  request.request = number;
  request.value = Bytes(std::string(bytes, 'x'));
  return {{NodeId{1, 1}, WorkerId{2, 2}}, {NodeId{1, 1}, WorkerId{3, 3}}, request};
}

std::uint64_t NumberOf(const Envelope& envelope) {
  return std::get<KvRequest>(envelope.message).request;
}

TEST(FrameStream, CarriesManyEnvelopesInOrderThroughAFullSocket) {
  SocketPair sockets;
  FrameStream sender(std::move(sockets.left));
  FrameStream receiver(std::move(sockets.right));
  constexpr std::uint64_t kCount = 2000;
  Rng rng(1);
  for (std::uint64_t i = 0; i < kCount; ++i) sender.Queue(Numbered(i, rng.Below(3000)));
  std::uint64_t received = 0;
  bool blocked = false;
  while (received < kCount) {
    blocked |= sender.Flush() == FrameStream::Flushed::kSome;
    ASSERT_EQ(receiver.Read([&](Envelope envelope) { ASSERT_EQ(NumberOf(envelope), received++); }),
              FrameStream::State::kOpen);
  }
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(sender.HasUnsent());
}

TEST(FrameStream, CarriesAnEnvelopeOfManyMegabytes) {
  SocketPair sockets;
  FrameStream sender(std::move(sockets.left));
  FrameStream receiver(std::move(sockets.right));
  const Envelope large = Numbered(7, 20 << 20);
  sender.Queue(large);
  bool received = false;
  while (!received) {
    (void)sender.Flush();
    (void)receiver.Read([&](Envelope envelope) { received = envelope == large; });
  }
}

TEST(FrameStream, ReassemblesFramesThatArriveByteByByte) {
  SocketPair sockets;
  FrameStream encoder(Fd{});
  for (std::uint64_t i = 0; i < 3; ++i) encoder.Queue(Numbered(i));
  const std::string bytes = encoder.TakeUnsent();
  FrameStream receiver(std::move(sockets.right));
  std::uint64_t received = 0;
  for (const char byte : bytes) {
    ASSERT_EQ(write(sockets.left.Get(), &byte, 1), 1);
    (void)receiver.Read([&](Envelope envelope) { EXPECT_EQ(NumberOf(envelope), received++); });
  }
  EXPECT_EQ(received, 3u);
}

TEST(FrameStream, DeliversWhatCameBeforeTheOtherEndClosed) {
  SocketPair sockets;
  {
    FrameStream sender(std::move(sockets.left));
    sender.Queue(Numbered(1));
    ASSERT_EQ(sender.Flush(), FrameStream::Flushed::kAll);
  }
  FrameStream receiver(std::move(sockets.right));
  int received = 0;
  FrameStream::State state = FrameStream::State::kOpen;
  while (state == FrameStream::State::kOpen) state = receiver.Read([&](Envelope) { ++received; });
  EXPECT_EQ(received, 1);
  EXPECT_EQ(receiver.Problem(), "");
}

TEST(FrameStream, GivesBackTheFramesOfWhichTheOtherEndHasAtMostAPart) {
  SocketPair sockets;
  FrameStream sender(std::move(sockets.left));
  constexpr std::uint64_t kCount = 1000;
  for (std::uint64_t i = 0; i < kCount; ++i) sender.Queue(Numbered(i, 1000));
  ASSERT_EQ(sender.Flush(), FrameStream::Flushed::kSome);
  FrameStream receiver(std::move(sockets.right));
  std::uint64_t received = 0;
  (void)receiver.Read([&](Envelope) { ++received; });
  const std::vector<Envelope> unsent = DecodeFrames(sender.TakeUnsent());
  ASSERT_EQ(received + unsent.size(), kCount);
  EXPECT_EQ(NumberOf(unsent.front()), received);
}

TEST(FrameStream, NoticesThatNobodyReads) {
  SocketPair sockets;
  FrameStream sender(std::move(sockets.left));
  sockets.right.Reset();
  sender.Queue(Numbered(1));
  EXPECT_EQ(sender.Flush(), FrameStream::Flushed::kBroken);
  EXPECT_EQ(DecodeFrames(sender.TakeUnsent()).size(), 1u);
}

TEST(FrameStream, RefusesAnAbsurdLengthWithoutAllocatingIt) {
  SocketPair sockets;
  ASSERT_EQ(write(sockets.left.Get(), "\xFF\xFF\xFF\xFF", 4), 4);
  FrameStream receiver(std::move(sockets.right));
  EXPECT_EQ(receiver.Read([](Envelope) { FAIL(); }), FrameStream::State::kClosed);
  EXPECT_THAT(receiver.Problem(), testing::HasSubstr("4294967295 bytes"));
}

TEST(FrameStream, SurvivesArbitraryBytes) {
  Rng rng(3);
  for (int round = 0; round < 200; ++round) {
    SocketPair sockets;
    FrameStream encoder(Fd{});
    for (std::uint64_t i = 0; i < 5; ++i) encoder.Queue(Numbered(i, rng.Below(100)));
    std::string bytes = encoder.TakeUnsent();
    for (int damage = 0; damage < 3; ++damage) {
      bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Below(256));
    }
    ASSERT_EQ(write(sockets.left.Get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    FrameStream receiver(std::move(sockets.right));
    (void)receiver.Read([](Envelope) {});
  }
}

}  // namespace
}  // namespace mobula::host
