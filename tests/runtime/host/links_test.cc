// SPDX-License-Identifier: Apache-2.0
// Goal: who connects to a daemon without the cluster's token, or with nonsense, gets a connection
// that ends, the daemon a line in its log, and nothing else happens. Method: the daemon's links in
// a loop of their own; strangers are plain gRPC clients and servers.
#include <grpcpp/grpcpp.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "runtime/base/rng.h"
#include "runtime/host/daemon/node_link.grpc.pb.h"
#include "runtime/host/daemon/node_links.h"
#include "runtime/wire/codec.h"

namespace mobula::host {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

constexpr char kToken[] = "0a1b2c3d.abcdefghijklmnopqrstuvwxyz";
constexpr NodeId kSelf{1, 1};
constexpr NodeId kPeer{2, 2};

/// NodeLinks with a thread that runs their loop.
class Links {
 public:
  /// In the loop's thread.
  template <class Act>
  auto Do(Act act) {
    std::promise<decltype(act())> done;
    boost::asio::post(loop_, [&] { done.set_value(act()); });
    return done.get_future().get();
  }

  explicit Links(const std::string& token = "")
      : links_(std::make_unique<NodeLinks>(
            loop_,
            NodeLinks::Handlers{
                .on_frame = [this](link::Frame frame) { frames_.push_back(std::move(frame)); },
                .on_chunk = [this](ObjectBytes) { ++chunks_; },
                .on_broken = [this](NodeId, const std::string& reason, bool) { broken_ = reason; },
                .on_query =
                    [](const std::string& path) { return QueryResult{200, "asked for " + path}; },
            })) {
    Credentials credentials;
    credentials.token = token;
    links_->SetCredentials(credentials);
    const auto listening = links_->Listen("127.0.0.1", 0);
    CHECK(listening.ok()) << listening.status();
    address = *listening;
    links_->SetIdentity({kSelf, address, "session", kSelf});
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~Links() {
    Do([this] {
      links_.reset();
      guard_.reset();
      return true;
    });
  }

  void Send(const std::string& target, const link::Frame& frame) {
    Do([&] {
      links_->SendFrame(target, frame);
      return true;
    });
  }
  std::vector<link::Frame> Frames() {
    return Do([this] { return frames_; });
  }
  int Chunks() {
    return Do([this] { return chunks_; });
  }
  std::string Broken() {
    return Do([this] { return broken_; });
  }

  std::string address;

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ =
      boost::asio::make_work_guard(loop_);
  std::vector<link::Frame> frames_;
  int chunks_ = 0;
  std::string broken_;
  std::unique_ptr<NodeLinks> links_;
  std::jthread thread_;
};

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string BytesOf(const link::Frame& frame) {
  std::string bytes;
  wire::Encode(frame, bytes);
  return bytes;
}

/// A client that shows a token, or none.
class Stranger {
 public:
  explicit Stranger(const std::string& address, const std::string& token = "")
      : stub_(protocol::NodeLink::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  }

  /// Sends them, and returns how the call ends.
  grpc::Status Exchange(const std::vector<protocol::Frames>& messages) {
    const auto stream = stub_->Exchange(&context_);
    for (const protocol::Frames& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    protocol::Frames answer;
    while (stream->Read(&answer)) {
    }
    return stream->Finish();
  }
  grpc::Status SendChunk(std::size_t size) {
    protocol::ChunksReceived answer;
    const auto stream = stub_->SendChunks(&context_, &answer);
    protocol::ObjectChunk chunk;
    chunk.set_data(std::string(size, 'x'));
    stream->Write(chunk);
    stream->WritesDone();
    return stream->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<protocol::NodeLink::Stub> stub_;
};

protocol::Frames Message(std::initializer_list<std::string> frames) {
  protocol::Frames message;
  for (const std::string& frame : frames) message.add_frame(frame);
  return message;
}

TEST(NodeLinks, ReadNothingFromWhoDoesNotShowTheToken) {
  Links links(kToken);
  const std::string frame = BytesOf({kPeer, kSelf, 1, 0, std::nullopt});
  testing::internal::CaptureStderr();
  const grpc::Status without = Stranger(links.address).Exchange({Message({frame})});
  EXPECT_EQ(without.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(without.error_message(), HasSubstr("none was shown"));
  const grpc::Status wrong =
      Stranger(links.address, "0a1b2c3d.guessed").Exchange({Message({frame})});
  EXPECT_EQ(wrong.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(wrong.error_message(), HasSubstr("the token is wrong"));
  EXPECT_EQ(Stranger(links.address).SendChunk(10).error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(links.Frames().size(), 0u);
  EXPECT_EQ(links.Chunks(), 0);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("mobulad: refused ipv4:127.0.0.1:"));
  EXPECT_THAT(log, testing::Not(HasSubstr("guessed")));

  EXPECT_TRUE(Stranger(links.address, kToken).Exchange({Message({frame})}).ok());
  EXPECT_TRUE(Stranger(links.address, kToken).SendChunk(10).ok());
  EXPECT_TRUE(Eventually([&] { return links.Frames().size() == 1 && links.Chunks() == 1; }));
}

TEST(NodeLinks, TellToolsWhyTheyAreRefused) {
  Links links(kToken);
  const auto error = [&](const std::string& token) {
    Credentials credentials;
    credentials.token = token;
    const absl::Status asked = NodeLinks::Ask(links.address, credentials).status();
    EXPECT_EQ(NodeLinks::Query(links.address, "/", credentials).status(), asked);
    return std::string(asked.message());
  };
  EXPECT_THAT(error(""), HasSubstr("name the head's token file with --token-file"));
  EXPECT_THAT(error("0a1b2c3d.guessed"), HasSubstr("the token is wrong; take the one"));
  EXPECT_THAT(error("99999999.abc"), HasSubstr("of another cluster (99999999)"));
  EXPECT_EQ(error(kToken), "");
  Credentials right;
  right.token = kToken;
  EXPECT_EQ(NodeLinks::Query(links.address, "/x", right)->body, "asked for /x");
}

TEST(NodeLinks, ReachEachOtherWithTheSameTokenOnly) {
  Links one(kToken);
  Links two(kToken);
  Links other("ffffffff.abcdefghijklmnopqrstuvwxyz");
  one.Send(two.address, {kSelf, kPeer, 1, 0, std::nullopt});
  EXPECT_TRUE(Eventually([&] { return two.Frames().size() == 1; }));
  one.Send(other.address, {kSelf, NodeId{3, 3}, 1, 0, std::nullopt});
  EXPECT_TRUE(
      Eventually([&] { return one.Broken().find("another cluster") != std::string::npos; }));
  EXPECT_EQ(other.Frames().size(), 0u);
}

TEST(NodeLinks, CloseAConnectionAtTheFirstFrameThatIsNone) {
  Links links;
  const std::string frame = BytesOf({kPeer, kSelf, 1, 0, std::nullopt});
  testing::internal::CaptureStderr();
  Stranger(links.address)
      .Exchange({Message({frame}), Message({frame, "no frame"}), Message({frame})});
  EXPECT_TRUE(Eventually([&] { return links.Frames().size() == 1; }));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("mobulad: closed the connection with ipv4:127.0.0.1:"));
  // Others are served as before.
  EXPECT_TRUE(NodeLinks::Ask(links.address).ok());
}

TEST(NodeLinks, SurviveRandomBytes) {
  Links links;
  const std::string frame = BytesOf({kPeer, kSelf, 1, 0, Envelope{{}, {}, TaskBlocked{}}});
  Rng rng(20261126);
  testing::internal::CaptureStderr();
  for (int round = 0; round < 200; ++round) {
    std::string damaged = frame;
    for (int i = 0; i < 3; ++i) {
      damaged[rng.Below(damaged.size())] = static_cast<char>(rng.Below(256));
    }
    damaged.resize(rng.Below(damaged.size() + 1));
    protocol::Frames message = Message({damaged, damaged});
    message.set_continues(rng.Below(2) == 0);
    Stranger(links.address).Exchange({message, message});
  }
  testing::internal::GetCapturedStderr();
  EXPECT_TRUE(NodeLinks::Ask(links.address).ok());
}

TEST(NodeLinks, RefuseMessagesThatNoDaemonSends) {
  Links links;
  const grpc::Status status =
      Stranger(links.address).Exchange({Message({std::string(17 << 20, 'x')})});
  EXPECT_FALSE(status.ok());
  Stranger(links.address).SendChunk(17 << 20);
  EXPECT_EQ(links.Frames().size(), 0u);
  EXPECT_EQ(links.Chunks(), 0);
  EXPECT_TRUE(NodeLinks::Ask(links.address).ok());
}

TEST(NodeLinks, SendLargeFramesInPartsAndInOrder) {
  Links one;
  Links two;
  KvRequest large;
  large.value = Bytes(std::string(37 << 20, 'v'));
  one.Send(two.address, {kSelf, kPeer, 1, 0, std::nullopt});
  one.Send(two.address, {kSelf, kPeer, 2, 0, Envelope{{}, {}, large}});
  one.Send(two.address, {kSelf, kPeer, 3, 0, std::nullopt});
  ASSERT_TRUE(Eventually([&] { return two.Frames().size() == 3; }));
  const std::vector<link::Frame> frames = two.Frames();
  EXPECT_EQ(frames[0].sequence, 1u);
  EXPECT_EQ(std::get<KvRequest>(frames[1].envelope->message), large);
  EXPECT_EQ(frames[2].sequence, 3u);
}

class OtherVersion final : public protocol::ClusterInfo::Service {
  grpc::Status Describe(grpc::ServerContext*, const protocol::DescribeRequest*,
                        protocol::ClusterDescription* answer) override {
    answer->set_version("0.0.7");
    return grpc::Status::OK;
  }
};

TEST(NodeLinks, SayThatTheClusterIsOfAnotherVersion) {
  OtherVersion service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  EXPECT_THAT(std::string(NodeLinks::Ask("127.0.0.1:" + std::to_string(port)).status().message()),
              testing::AllOf(HasSubstr("runs mobula 0.0.7"), HasSubstr("the same version")));
  server->Shutdown();
}

TEST(NodeLinks, TellAnotherProgramFromNobody) {
  boost::asio::io_context loop;
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(loop, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::string address = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  EXPECT_THAT(std::string(NodeLinks::Ask(address).status().message()),
              HasSubstr("something listens at " + address));
  acceptor.close();
  EXPECT_THAT(std::string(NodeLinks::Ask(address).status().message()),
              HasSubstr("no mobula daemon answers at " + address));
}

}  // namespace
}  // namespace mobula::host
