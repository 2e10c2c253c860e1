// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/node_links.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/grpc_channels.h"
#include "runtime/host/daemon/id_bytes.h"
#include "runtime/host/daemon/stream_ends.h"
#include "runtime/host/daemon/version.h"
#include "runtime/host/local/log_line.h"
#include "runtime/wire/codec.h"

namespace mobula::host {
namespace {

constexpr auto kFlushTimeout = std::chrono::milliseconds(500);
/// Lines about refused and malformed calls are no closer than that: nobody shall fill the disk.
constexpr auto kComplaintInterval = std::chrono::seconds(1);

/// A unary call that is answered later, in the loop.
struct PendingQuery {
  grpc::ServerUnaryReactor* reactor = nullptr;
  protocol::QueryAnswer* answer = nullptr;
};

class ClusterInfoService final : public protocol::ClusterInfo::CallbackService {
 public:
  using Check = std::function<grpc::Status(const grpc::CallbackServerContext&)>;
  /// Calls `Answer` with the same number, some time.
  using AskLoop = std::function<void(std::uint64_t number, const std::string& path)>;

  void Serve(Check check, AskLoop ask_loop) {
    check_ = std::move(check);
    ask_loop_ = std::move(ask_loop);
  }
  void Set(const ClusterIdentity& identity) {
    const std::lock_guard lock(mutex_);
    identity_ = identity;
  }

  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const protocol::DescribeRequest*,
                                     protocol::ClusterDescription* answer) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (const grpc::Status status = check_(*context); !status.ok()) {
      reactor->Finish(status);
      return reactor;
    }
    const std::lock_guard lock(mutex_);
    if (identity_.node.IsNil()) {
      reactor->Finish({grpc::StatusCode::UNAVAILABLE, "the daemon is starting"});
      return reactor;
    }
    answer->set_gcs_node(IdToBytes(identity_.gcs_node));
    answer->set_gcs_address(identity_.gcs_address);
    answer->set_session_name(identity_.session_name);
    answer->set_version(kVersion);
    answer->set_node(IdToBytes(identity_.node));
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext* context,
                                  const protocol::QueryRequest* request,
                                  protocol::QueryAnswer* answer) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    grpc::Status status = check_(*context);
    std::uint64_t number = 0;
    if (status.ok()) {
      const std::lock_guard lock(mutex_);
      number = ++last_query_;
      if (ended_) {
        status = {grpc::StatusCode::UNAVAILABLE, "the daemon ends"};
      } else {
        queries_[number] = {reactor, answer};
      }
    }
    if (status.ok()) {
      ask_loop_(number, request->path());
    } else {
      reactor->Finish(status);
    }
    return reactor;
  }
  void Answer(std::uint64_t number, const QueryResult& result) {
    const std::lock_guard lock(mutex_);
    auto query = queries_.extract(number);
    if (query.empty()) return;
    query.mapped().answer->set_status(static_cast<std::uint32_t>(result.status));
    query.mapped().answer->set_body(result.body);
    query.mapped().reactor->Finish(grpc::Status::OK);
  }
  /// gRPC does not end before every call is answered, and nobody will answer any more.
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& [number, query] : queries_) {
      query.reactor->Finish({grpc::StatusCode::UNAVAILABLE, "the daemon ends"});
    }
    queries_.clear();
  }

 private:
  Check check_;
  AskLoop ask_loop_;
  std::mutex mutex_;
  ClusterIdentity identity_;
  std::uint64_t last_query_ = 0;
  std::map<std::uint64_t, PendingQuery> queries_;
  bool ended_ = false;
};

}  // namespace

/// Shared with the streams, which may outlive the NodeLinks for a moment.
class NodeLinks::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& loop, Handlers handlers)
      : loop_(loop), handlers_(std::move(handlers)), link_service_(*this) {}

  void SetCredentials(Credentials credentials) { credentials_ = std::move(credentials); }
  absl::StatusOr<std::string> Listen(const std::string& host, std::uint16_t port);
  void SetIdentity(const ClusterIdentity& identity) { info_service_.Set(identity); }
  void SendFrame(const std::string& address, const link::Frame& frame);
  void SendChunk(const std::string& address, ObjectBytes chunk);
  void Close(NodeId peer);
  void Shutdown();

 private:
  /// A stream that is open, or being opened, and to whom it leads.
  struct Route {
    std::shared_ptr<FrameEnd> end;
    bool opened_here = false;
    bool established = false;
  };

  class LinkService final : public protocol::NodeLink::CallbackService {
   public:
    explicit LinkService(Impl& impl) : impl_(impl) {}
    grpc::ServerBidiReactor<protocol::Frames, protocol::Frames>* Exchange(
        grpc::CallbackServerContext* context) override {
      const grpc::Status status = impl_.Check(*context);
      if (status.ok()) return impl_.Accept(context);
      return new RefusedEnd<grpc::ServerBidiReactor<protocol::Frames, protocol::Frames>>(status);
    }
    grpc::ServerReadReactor<protocol::ObjectChunk>* SendChunks(grpc::CallbackServerContext* context,
                                                               protocol::ChunksReceived*) override {
      const grpc::Status status = impl_.Check(*context);
      if (!status.ok()) {
        return new RefusedEnd<grpc::ServerReadReactor<protocol::ObjectChunk>>(status);
      }
      return new ChunkReceiver([impl = impl_.weak_from_this()](protocol::ObjectChunk chunk) {
        if (const auto self = impl.lock()) self->ChunkArrived(std::move(chunk));
      });
    }

   private:
    Impl& impl_;
  };

  /// Runs `act(*this)` in the loop, unless the links are closed by then.
  template <class Act>
  void InLoop(Act act) {
    boost::asio::post(loop_, [weak = weak_from_this(), act = std::move(act)]() mutable {
      const auto self = weak.lock();
      if (self && !self->closed_) act(*self);
    });
  }
  template <class Act>
  static auto ToLoop(std::weak_ptr<Impl> weak, Act act) {
    return [weak, act](const auto&... arguments) {
      if (const auto self = weak.lock()) act(*self, arguments...);
    };
  }

  /// Unauthenticated, and a line in the log, unless the caller has shown the cluster's token.
  grpc::Status Check(const grpc::CallbackServerContext& context);
  /// Of whichever thread.
  void Complain(const std::string& about, const std::string& problem);
  FrameEndEvents EventsOf(std::uint64_t stream, std::string peer);
  ServerFrameEnd* Accept(grpc::CallbackServerContext* context);
  Route& Open(NodeId peer, const std::string& address);
  void FramesArrived(std::uint64_t stream, std::vector<link::Frame> frames);
  void StreamClosed(std::uint64_t stream, const grpc::Status& status);
  void ChunkArrived(protocol::ObjectChunk chunk);

  boost::asio::io_context& loop_;
  Handlers handlers_;
  Credentials credentials_;
  LinkService link_service_;
  ClusterInfoService info_service_;
  std::unique_ptr<grpc::Server> server_;
  bool closed_ = false;

  // Of the loop's thread, except `next_stream_` and `accepted_`.
  std::atomic<std::uint64_t> next_stream_ = 1;
  std::chrono::steady_clock::time_point last_complaint_;
  std::uint64_t complaints_left_out_ = 0;
  std::map<std::uint64_t, Route> streams_;
  /// Which stream leads to a peer: the one it was first heard on, or that was opened for it.
  std::map<NodeId, std::uint64_t> routes_;
  /// Where peers were last said to listen.
  std::map<NodeId, std::string> addresses_;
  std::map<NodeId, std::shared_ptr<ChunkSender>> chunk_senders_;
};

absl::StatusOr<std::string> NodeLinks::Impl::Listen(const std::string& host, std::uint16_t port) {
  // It answers everybody.
  if (credentials_.token.empty()) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  info_service_.Serve([this](const grpc::CallbackServerContext& context) { return Check(context); },
                      [this](std::uint64_t number, const std::string& path) {
                        InLoop([number, path](Impl& self) {
                          const auto& ask = self.handlers_.on_query;
                          self.info_service_.Answer(number, ask ? ask(path) : QueryResult{404, ""});
                        });
                      });
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort(absl::StrCat(host, ":", port), ServerCredentials(credentials_), &bound);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  // What a tool asks for may be large.
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(&link_service_);
  builder.RegisterService(&info_service_);
  server_ = builder.BuildAndStart();
  if (!server_ || bound == 0) {
    server_.reset();
    return WhyNotBound(host, port);
  }
  return absl::StrCat(host, ":", bound);
}

grpc::Status NodeLinks::Impl::Check(const grpc::CallbackServerContext& context) {
  constexpr std::string_view kScheme = "Bearer ";
  std::optional<std::string_view> shown;
  const auto& metadata = context.client_metadata();
  if (const auto found = metadata.find("authorization"); found != metadata.end()) {
    const std::string_view value(found->second.data(), found->second.size());
    if (value.starts_with(kScheme)) shown = value.substr(kScheme.size());
  }
  const std::string objection = Objection(shown, credentials_.token);
  if (objection.empty()) return grpc::Status::OK;
  Complain("refused " + context.peer(), objection);
  return {grpc::StatusCode::UNAUTHENTICATED, objection};
}

void NodeLinks::Impl::Complain(const std::string& about, const std::string& problem) {
  InLoop([text = absl::StrCat(about, ": ", problem)](Impl& self) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - self.last_complaint_ < kComplaintInterval) {
      ++self.complaints_left_out_;
      return;
    }
    self.last_complaint_ = now;
    if (const auto count = std::exchange(self.complaints_left_out_, 0); count > 0) {
      absl::StrAppend(&text, " (and ", count, " such before)");
    }
    LogLine(text);
  });
}

FrameEndEvents NodeLinks::Impl::EventsOf(std::uint64_t stream, std::string peer) {
  const std::weak_ptr<Impl> weak = weak_from_this();
  FrameEndEvents events;
  events.on_frames = [weak, stream](const protocol::Frames& received) -> absl::Status {
    std::vector<link::Frame> frames;
    for (const std::string& bytes : received.frame()) {
      absl::StatusOr<link::Frame> frame = wire::DecodeFrame(bytes);
      if (!frame.ok()) return frame.status();
      frames.push_back(*std::move(frame));
    }
    if (const auto impl = weak.lock()) {
      impl->InLoop([stream, frames = std::move(frames)](Impl& self) mutable {
        self.FramesArrived(stream, std::move(frames));
      });
    }
    return absl::OkStatus();
  };
  events.on_malformed = ToLoop(weak, [peer = std::move(peer)](Impl& impl,
                                                              const absl::Status& status) {
    impl.Complain(absl::StrCat("closed the connection with ", peer), std::string(status.message()));
  });
  events.on_open = ToLoop(weak, [stream](Impl& impl) {
    impl.InLoop([stream](Impl& self) {
      if (const auto found = self.streams_.find(stream); found != self.streams_.end()) {
        found->second.established = true;
      }
    });
  });
  events.on_closed = ToLoop(weak, [stream](Impl& impl, const grpc::Status& status) {
    impl.InLoop([stream, status](Impl& self) { self.StreamClosed(stream, status); });
  });
  return events;
}

ServerFrameEnd* NodeLinks::Impl::Accept(grpc::CallbackServerContext* context) {
  const std::uint64_t stream = next_stream_++;
  auto end = std::make_shared<ServerFrameEnd>(context, EventsOf(stream, context->peer()));
  InLoop([stream, end](Impl& self) { self.streams_[stream] = {end, false, true}; });
  end->Open(end);
  return end.get();
}

NodeLinks::Impl::Route& NodeLinks::Impl::Open(NodeId peer, const std::string& address) {
  const std::uint64_t stream = next_stream_++;
  auto end = std::make_shared<ClientFrameEnd>(NewChannel(address, credentials_), credentials_,
                                              EventsOf(stream, address));
  routes_[peer] = stream;
  Route& route = streams_[stream] = {end, true, false};
  end->Open(end);
  return route;
}

void NodeLinks::Impl::SendFrame(const std::string& address, const link::Frame& frame) {
  const NodeId peer = frame.target;
  if (!address.empty()) addresses_[peer] = address;
  std::string bytes;
  wire::Encode(frame, bytes);
  const auto route = routes_.find(peer);
  // Only for the stream on which the peer was heard, and that has closed.
  if (route == routes_.end() && addresses_[peer].empty()) return;
  Route& stream =
      route != routes_.end() ? streams_.at(route->second) : Open(peer, addresses_[peer]);
  stream.end->Send(std::move(bytes));
}

void NodeLinks::Impl::FramesArrived(std::uint64_t stream, std::vector<link::Frame> frames) {
  for (link::Frame& frame : frames) {
    if (streams_.contains(stream)) routes_.try_emplace(frame.source, stream);
    handlers_.on_frame(std::move(frame));
  }
}

void NodeLinks::Impl::StreamClosed(std::uint64_t stream, const grpc::Status& status) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const Route route = std::move(found->second);
  streams_.erase(found);
  std::vector<NodeId> peers;
  std::erase_if(routes_, [&](const auto& entry) {
    if (entry.second == stream) peers.push_back(entry.first);
    return entry.second == stream;
  });
  const std::string& text = status.error_message();
  const bool refused = !route.established && text.find("Connection refused") != std::string::npos;
  for (const NodeId peer : peers) {
    // An open stream that broke is opened again at once: whether somebody still listens there is
    // news.
    const auto address = addresses_.find(peer);
    if (route.established && address != addresses_.end()) Open(peer, address->second);
    handlers_.on_broken(peer, text.empty() ? "the connection was closed" : text, refused);
  }
}

void NodeLinks::Impl::SendChunk(const std::string& address, ObjectBytes chunk) {
  auto& sender = chunk_senders_[chunk.target];
  if (!sender) {
    const NodeId peer = chunk.target;
    sender = std::make_shared<ChunkSender>(
        NewChannel(address, credentials_), credentials_,
        ToLoop(weak_from_this(), [peer](Impl& impl) {
          impl.InLoop([peer](Impl& self) { self.chunk_senders_.erase(peer); });
        }));
    sender->Open(sender);
  }
  protocol::ObjectChunk message;
  message.set_source(IdToBytes(chunk.source));
  message.set_target(IdToBytes(chunk.target));
  message.set_object_task(IdToBytes(chunk.object.task));
  message.set_object_index(chunk.object.index);
  message.set_offset(chunk.offset);
  message.set_data(std::move(chunk.data));
  sender->Send(std::move(message));
}

void NodeLinks::Impl::ChunkArrived(protocol::ObjectChunk chunk) {
  InLoop([chunk = std::move(chunk)](Impl& self) mutable {
    ObjectBytes bytes;
    bytes.source = IdFromBytes<NodeId>(chunk.source());
    bytes.target = IdFromBytes<NodeId>(chunk.target());
    bytes.object = {IdFromBytes<TaskId>(chunk.object_task()), chunk.object_index()};
    bytes.offset = chunk.offset();
    bytes.data = std::move(*chunk.mutable_data());
    self.handlers_.on_chunk(std::move(bytes));
  });
}

void NodeLinks::Impl::Close(NodeId peer) {
  addresses_.erase(peer);
  if (const auto sender = chunk_senders_.find(peer); sender != chunk_senders_.end()) {
    sender->second->Close();
    chunk_senders_.erase(sender);
  }
  const auto route = routes_.find(peer);
  if (route == routes_.end()) return;
  const std::uint64_t stream = route->second;
  routes_.erase(route);
  // A daemon that took the peer's place may answer on the same stream.
  const bool is_shared = std::any_of(routes_.begin(), routes_.end(),
                                     [&](const auto& each) { return each.second == stream; });
  if (!is_shared) streams_.at(stream).end->Close();
}

void NodeLinks::Impl::Shutdown() {
  closed_ = true;
  const auto deadline = std::chrono::steady_clock::now() + kFlushTimeout;
  for (const auto& [stream, route] : streams_) {
    route.end->WaitUntilWritten(deadline);
    route.end->Close();
  }
  for (const auto& [peer, sender] : chunk_senders_) sender->Close();
  info_service_.End();
  if (server_) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
}

NodeLinks::NodeLinks(boost::asio::io_context& loop, Handlers handlers) {
  KeepGrpcUp();
  impl_ = std::make_shared<Impl>(loop, std::move(handlers));
}
NodeLinks::~NodeLinks() { impl_->Shutdown(); }

void NodeLinks::SetCredentials(Credentials credentials) {
  impl_->SetCredentials(std::move(credentials));
}

absl::StatusOr<std::string> NodeLinks::Listen(const std::string& host, std::uint16_t port) {
  return impl_->Listen(host, port);
}
void NodeLinks::SetIdentity(const ClusterIdentity& identity) { impl_->SetIdentity(identity); }
void NodeLinks::SendFrame(const std::string& address, const link::Frame& frame) {
  impl_->SendFrame(address, frame);
}
void NodeLinks::SendChunk(const std::string& address, ObjectBytes chunk) {
  impl_->SendChunk(address, std::move(chunk));
}
void NodeLinks::Close(NodeId peer) { impl_->Close(peer); }

}  // namespace mobula::host
