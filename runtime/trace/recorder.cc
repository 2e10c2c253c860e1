// SPDX-License-Identifier: Apache-2.0
#include "runtime/trace/recorder.h"

#include <utility>
#include <variant>

namespace mobula::trace {
namespace {

/// Longer texts are cut: a reader wants to know what it was, not all of it.
constexpr std::size_t kTextMax = 2'000;

void AppendField(std::string& out, std::string_view name, std::string_view text) {
  out += ',';
  AppendQuoted(out, name);
  out += ':';
  AppendQuoted(out, text.substr(0, kTextMax));
}

void AppendKey(std::string& out, std::uint64_t key) {
  AppendField(out, "key", HexOf(0, key).substr(16));
}

/// The same for a message where it is sent and where it is received. Of the addresses only the
/// workers: a process does not know its node before it is registered.
std::uint64_t KeyOf(WorkerId source, WorkerId target, const Message& message) {
  Hasher hasher;
  hasher.Mix(source);
  hasher.Mix(target);
  hasher.Mix(message);
  return hasher.Value();
}
std::uint64_t KeyOf(const Envelope& envelope) {
  return KeyOf(envelope.source.worker, envelope.target.worker, envelope.message);
}
std::uint64_t KeyOf(const link::Frame& frame) {
  Hasher hasher;
  hasher.Mix(frame);
  return hasher.Value();
}
std::uint64_t KeyOfChunk(NodeId source, NodeId target, ObjectId object, std::uint64_t offset) {
  Hasher hasher;
  hasher.Mix(source);
  hasher.Mix(target);
  hasher.Mix(object);
  hasher.Word(offset);
  return hasher.Value();
}

/// Adds the fields of one event or effect to an open JSON object.
struct Fields {
  std::string& out;
  bool with_keys;
  NodeId self_node;
  WorkerId self;

  void Key(std::uint64_t key) const {
    if (with_keys) AppendKey(out, key);
  }
  void Frame(const link::Frame& frame) const {
    AppendField(out, "message", frame.envelope ? mobula::NameOf(frame.envelope->message) : "(ack)");
    out += ",\"sequence\":" + std::to_string(frame.sequence);
    Key(KeyOf(frame));
    AppendField(out, "text", ToString(frame));
  }
  void Whole(const Envelope& envelope) const {
    AppendField(out, "message", mobula::NameOf(envelope.message));
    AppendField(out, "from", NameOf(envelope.source));
    AppendField(out, "to", NameOf(envelope.target));
    Key(KeyOf(envelope));
    AppendField(out, "text", ToString(envelope.message));
  }

  // Receipts.
  void operator()(const MessageReceived& event) const {
    AppendField(out, "message", mobula::NameOf(event.message));
    AppendField(out, "from", NameOf(event.source));
    Key(KeyOf(event.source.worker, self, event.message));
    AppendField(out, "text", ToString(event.message));
  }
  void operator()(const node::EnvelopeSent& event) const { Whole(event.envelope); }
  void operator()(const node::FrameReceived& event) const { Frame(event.frame); }
  void operator()(const raylet::ChunkReceived& event) const {
    Key(KeyOfChunk(event.source, self_node, event.object, event.offset));
    AppendField(out, "text", ToString(event));
  }
  void operator()(const raylet::ProcessExited& event) const {
    AppendField(out, "ended", NameOf(Address{{}, event.worker}));
    AppendField(out, "text", event.reason);
  }

  // Sends.
  void operator()(const Send& effect) const {
    AppendField(out, "message", mobula::NameOf(effect.message));
    AppendField(out, "to", NameOf(effect.target));
    Key(KeyOf(self, effect.target.worker, effect.message));
    AppendField(out, "text", ToString(effect.message));
  }
  void operator()(const node::DeliverLocal& effect) const { Whole(effect.envelope); }
  void operator()(const node::SendFrame& effect) const {
    AppendField(out, "to", effect.address);
    Frame(effect.frame);
  }
  void operator()(const node::SendChunkTo& effect) const {
    AppendField(out, "to", effect.address);
    const raylet::SendChunk& chunk = effect.chunk;
    Key(KeyOfChunk(self_node, chunk.target, chunk.object, chunk.offset));
    AppendField(out, "text", ToString(chunk));
  }

  // What a reader looks for by name.
  void operator()(const worker::TaskRetried& effect) const {
    AppendField(out, "task", effect.task.Short());
    out += ",\"attempt\":" + std::to_string(effect.attempt);
    AppendField(out, "text", effect.name + ": " + effect.reason);
  }
  void operator()(const gcs::ClusterEvent& effect) const { AppendField(out, "text", effect.text); }
  template <class Other>
  void operator()(const Other& other) const {
    AppendField(out, "text", ToString(other));
  }
};

}  // namespace

Recorder::Recorder(const std::string& path, Pairing pairing, std::string_view world)
    : pairing_(pairing), out_(path, std::ios::trunc) {
  text_ = "{\"trace\":1";
  AppendField(text_, "world", world);
  text_ += "}\n";
  out_ << text_ << std::flush;
}

void Recorder::Record(const Line& line, const worker::Worker& machine, const worker::Event& event,
                      const worker::Effects& effects) {
  Delta delta;
  workers_[line.process].Collect(machine, delta);
  Write(line, NodeId{}, event, effects, delta.Take());
}

void Recorder::Record(const Line& line, const node::Node& machine, const node::Event& event,
                      const node::Effects& effects) {
  Delta delta;
  const auto found = nodes_.find(line.node);
  NodeWatch& watch = found == nodes_.end() ? nodes_[std::string(line.node)] : found->second;
  watch.Collect(machine, delta);
  Write(line, machine.Self(), event, effects, delta.Take());
}

void Recorder::RecordWorld(const Line& line, std::string_view what, std::string_view text) {
  Begin(line);
  AppendField(text_, "event", what);
  AppendField(text_, "text", text);
  End(line);
}

void Recorder::RecordLoss(const Line& line, std::string_view why) {
  Begin(line);
  AppendField(text_, "lost", why);
  End(line);
}

template <class Event, class Effects>
void Recorder::Write(const Line& line, NodeId self, const Event& event, const Effects& effects,
                     std::string state) {
  Begin(line);
  const Fields fields{text_, pairing_ == Pairing::kByContent, self, line.process};
  AppendField(text_, "event", mobula::NameOf(event));
  std::visit(fields, event);
  text_ += ",\"effects\":[";
  const char* separator = "";
  for (const auto& effect : effects) {
    text_ += separator;
    text_ += "{\"effect\":";
    AppendQuoted(text_, mobula::NameOf(effect));
    std::visit(fields, effect);
    text_ += '}';
    separator = ",";
  }
  text_ += ']';
  if (!state.empty()) text_ += ",\"state\":" + state;
  End(line);
}

void Recorder::Begin(const Line& line) {
  text_ = "{\"t\":";
  AppendSeconds(text_, line.at.nanoseconds);
  if (line.number > 0) text_ += ",\"n\":" + std::to_string(line.number);
  AppendField(text_, "node", line.node);
  AppendField(text_, "process", line.process.IsNil() ? "daemon" : line.process.Short());
  if (line.cause.event > 0) {
    text_ += ",\"cause\":[" + std::to_string(line.cause.event) + ',' +
             std::to_string(line.cause.effect) + ']';
  }
}

void Recorder::End(const Line& line) {
  if (line.hash) AppendField(text_, "hash", HexOf(0, *line.hash).substr(16));
  // At once: a process may be ended without unwinding, and after a crash a trace is wanted most.
  text_ += "}\n";
  out_ << text_ << std::flush;
}

}  // namespace mobula::trace
