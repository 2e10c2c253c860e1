// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/transport.h"

#include <utility>

namespace mobula::conformance {

class Transport::Output final : public link::Sink {
 public:
  Output(Transport& transport, NodeNumber node) : transport_(transport), node_(node) {}

  void SendFrame(const link::Frame& frame) override {
    const NodeNumber target = NumberOf(frame.target);
    ++transport_.frames[{node_, target}];
    transport_.Transmit(node_, target, frame);
  }
  void StartTimer(NodeId peer, Duration delay) override {
    transport_.After(delay, [&transport = transport_, node = node_, peer] {
      if (!transport.Runs(node)) return;
      Output out(transport, node);
      transport.links_[node].HandleTimer(transport.Now(), peer, out);
      transport.links_[node].CheckInvariants();
    });
  }
  void Deliver(Envelope envelope) override {
    auto& message = std::get<KvRequest>(envelope.message);
    transport_.arrivals[node_].push_back(
        {NumberOf(envelope.source.node), message.request, std::string(message.value.View())});
  }

 private:
  Transport& transport_;
  NodeNumber node_;
};

Transport::Transport(link::Options options) {
  for (NodeNumber node = 0; node < kNodes; ++node) links_.emplace_back(IdOf(node), options);
}

void Transport::Send(NodeNumber source, NodeNumber target, std::string content) {
  KvRequest message;
  message.request = ++sent_[{source, target}];
  message.value = Bytes(std::move(content));
  Output out(*this, source);
  links_[source].Send(
      Now(), IdOf(target),
      {Address::Daemon(IdOf(source)), Address::Daemon(IdOf(target)), std::move(message)}, out);
}

void Transport::FrameArrived(const link::Frame& frame) {
  const NodeNumber node = NumberOf(frame.target);
  if (!Runs(node)) return;
  Output out(*this, node);
  links_[node].HandleFrame(Now(), frame, out);
  links_[node].CheckInvariants();
}

}  // namespace mobula::conformance
