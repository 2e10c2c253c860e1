// SPDX-License-Identifier: Apache-2.0
// The codec: messages of the warm paths to bytes and back.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/core/process.h"
#include "runtime/base/check.h"
#include "runtime/wire/codec.h"

namespace mobula::bench {
namespace {

Envelope Envelop(Message message) { return {kSelf, kLeased, std::move(message)}; }
Envelope Push() { return Envelop(PushTask{NoOpTask(1)}); }
Envelope Done() { return Envelop(AnswerTo(NoOpTask(1))); }
Envelope Call() {
  TaskSpec spec = NoOpTask(1);
  TaskHeader& header = spec.header.Edit();
  header.kind = TaskKind::kActorCall;
  header.actor = ActorId{5, 5};
  header.resources = {};
  return Envelop(PushTask{std::move(spec)});
}
Envelope Borrow() { return Envelop(AddBorrower{PutObject(kRoot, 0, 1), kSelf, 1}); }

void BM_Codec_Encode(benchmark::State& state, const Envelope& envelope) {
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    wire::Encode(envelope, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes"] = static_cast<double>(bytes.size());
}

void BM_Codec_Decode(benchmark::State& state, const Envelope& envelope) {
  std::string bytes;
  wire::Encode(envelope, bytes);
  for (auto _ : state) {
    auto decoded = wire::DecodeEnvelope(bytes);
    CHECK(decoded.ok());
    benchmark::DoNotOptimize(decoded);
  }
  state.SetItemsProcessed(state.iterations());
}

#define CODEC_BENCHMARK(Name)                       \
  BENCHMARK_CAPTURE(BM_Codec_Encode, Name, Name()); \
  BENCHMARK_CAPTURE(BM_Codec_Decode, Name, Name())
CODEC_BENCHMARK(Push);
CODEC_BENCHMARK(Done);
CODEC_BENCHMARK(Call);
CODEC_BENCHMARK(Borrow);

}  // namespace
}  // namespace mobula::bench
