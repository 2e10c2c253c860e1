// SPDX-License-Identifier: Apache-2.0
// Reference counting: the table alone, and the machine that hosts it.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/core/process.h"
#include "runtime/core/worker/context.h"
#include "runtime/core/worker/reference_table.h"

namespace mobula::bench {
namespace {

/// Ids of `count` objects, in an order that is not that of their making.
std::vector<ObjectId> Objects(std::int64_t count) {
  std::vector<ObjectId> objects;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint32_t>((i * 7919) % count);
    objects.push_back(PutObject(kRoot, 0, number));
  }
  return objects;
}

/// A count goes up and down again, of one of `range(0)` owned objects after the other.
void BM_References_Table(benchmark::State& state) {
  worker::Context context({}, kSelf.worker);
  context.self = kSelf;
  worker::WatchList watch_list(context);
  worker::ReferenceTable table(context, watch_list);
  const auto objects = Objects(state.range(0));
  for (std::uint32_t i = 0; i < objects.size(); ++i) table.Own(PutObject(kRoot, 0, i));
  std::size_t next = 0;
  for (auto _ : state) {
    const ObjectRef reference{objects[next], kSelf};
    table.Add(reference, worker::Count::kLocal);
    table.Drop(reference.id, worker::Count::kLocal);
    while (table.NextCandidate()) {
    }
    if (++next == objects.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_References_Table)->Arg(1000)->Arg(100'000);

/// The same as events of the language layer: `ReferenceAdded`, `ReferenceRemoved`.
void BM_References_Events(benchmark::State& state) {
  Process process;
  const auto objects = Objects(state.range(0));
  for (std::uint32_t i = 0; i < objects.size(); ++i) {
    process.Handle(worker::ObjectPut{PutObject(kRoot, 0, i), {}, {}});
  }
  worker::Event added = worker::ReferenceAdded{{{}, kSelf}, {}, false};
  worker::Event removed = worker::ReferenceRemoved{};
  std::size_t next = 0;
  for (auto _ : state) {
    std::get<worker::ReferenceAdded>(added).reference.id = objects[next];
    std::get<worker::ReferenceRemoved>(removed).object = objects[next];
    process.Handle(added);
    process.Handle(removed);
    if (++next == objects.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_References_Events)->Arg(1000)->Arg(100'000);

/// An object is put and let go of: made, counted, found out of scope, erased.
void BM_References_PutAndForget(benchmark::State& state) {
  Process process;
  std::uint32_t next = 0;
  for (auto _ : state) {
    const ObjectId object = PutObject(kRoot, 0, next++);
    process.Handle(worker::ObjectPut{object, {}, {}});
    process.Handle(worker::ReferenceRemoved{object});
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_References_PutAndForget);

}  // namespace
}  // namespace mobula::bench
