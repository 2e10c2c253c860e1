// SPDX-License-Identifier: Apache-2.0
/// The C++ API of mobula. A program is a library:
///
///     #include "runtime/api/mobula.h"
///
///     int Add(int a, int b) { return a + b; }
///     MOBULA_REMOTE(Add)
///
///     MOBULA_MAIN(argc, argv) {
///       const mobula::Ref<int> three = mobula::Task(Add).Remote(1, 2);
///       const mobula::Ref<int> six = mobula::Task(Add).Remote(three, 3);
///       std::printf("%d\n", mobula::Get(six));
///       return 0;
///     }
///
/// `mobula_cpp_run` runs it on a cluster, `mobula_cpp_sim` in the simulator.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/actor.h"
#include "runtime/api/cross_language.h"
#include "runtime/api/errors.h"
#include "runtime/api/inside.h"
#include "runtime/api/library.h"
#include "runtime/api/placement_group.h"
#include "runtime/api/ref.h"
#include "runtime/api/registry.h"
#include "runtime/api/runtime_env.h"
#include "runtime/api/task.h"

/// Makes functions, actor factories and methods remote: MOBULA_REMOTE(Add, MakeCounter,
/// &Counter::Add). At namespace scope, once in a source file.
#define MOBULA_REMOTE(...)                            \
  [[maybe_unused]] static const bool mobula_remote_ = \
      ::mobula::api::Registry::RegisterAll(#__VA_ARGS__, __VA_ARGS__);

/// Defines the driver's program: MOBULA_MAIN(argc, argv) { ...; return 0; }
#define MOBULA_MAIN(argc, argv)                               \
  static int MobulaMain(int argc, char** argv);               \
  extern "C" const ::mobula::api::Library* mobula_library() { \
    return ::mobula::api::MakeLibrary(&MobulaMain);           \
  }                                                           \
  static int MobulaMain([[maybe_unused]] int argc, [[maybe_unused]] char** argv)

/// Instead of MOBULA_MAIN in a library that has functions and actors for programs of another
/// language, and no program of its own: MOBULA_LIBRARY()
#define MOBULA_LIBRARY()                                      \
  extern "C" const ::mobula::api::Library* mobula_library() { \
    return ::mobula::api::MakeLibrary(nullptr);               \
  }

namespace mobula {

/// Stores a value; the reference can be passed to many tasks.
template <class T>
Ref<T> Put(const T& value) {
  return Ref<T>(api::Context::Current().Put(Encode<T>(value)));
}

/// Waits for the value. Throws what the task threw, as TaskError, or why the value will never come
/// (errors.h); GetTimeoutError when the time is over first.
template <class T>
T Get(const Ref<T>& ref, std::optional<Duration> timeout = std::nullopt) {
  api::Context& context = api::Context::Current();
  auto fetched = context.Get({ref.Object().id}, timeout);
  const api::Value value(context.GetSession(), std::move(fetched.front()));
  if constexpr (!std::is_void_v<T>) return Decode<T>(value.Source());
}

/// All of them, in order.
template <class T>
std::vector<T> Get(const std::vector<Ref<T>>& refs,
                   std::optional<Duration> timeout = std::nullopt) {
  api::Context& context = api::Context::Current();
  std::vector<ObjectId> objects;
  for (const Ref<T>& ref : refs) objects.push_back(ref.Object().id);
  // All are taken over before the first is looked at, as that may throw.
  std::deque<api::Value> values;
  for (worker::FetchedValue& fetched : context.Get(objects, timeout))
    values.emplace_back(context.GetSession(), std::move(fetched));
  std::vector<T> results;
  results.reserve(values.size());
  for (const api::Value& value : values) results.push_back(Decode<T>(value.Source()));
  return results;
}

template <class T>
struct Waited {
  std::vector<Ref<T>> ready;
  std::vector<Ref<T>> unready;
};

/// Waits until `num_returns` are there (or failed). The ready ones, at most that many, in order;
/// the rest.
template <class T>
Waited<T> Wait(const std::vector<Ref<T>>& refs, std::uint32_t num_returns,
               std::optional<Duration> timeout = std::nullopt) {
  std::vector<ObjectId> objects;
  for (const Ref<T>& ref : refs) objects.push_back(ref.Object().id);
  const std::vector<ObjectId> ready = api::Context::Current().Wait(objects, num_returns, timeout);
  Waited<T> waited;
  for (const Ref<T>& ref : refs) {
    const bool is_ready = std::find(ready.begin(), ready.end(), ref.Object().id) != ready.end();
    (is_ready ? waited.ready : waited.unready).push_back(ref);
  }
  return waited;
}

/// The task that makes the value is not to run: it is taken back if it has not started, and its
/// process ended if it has, with `force`. Without, C++ code that runs goes on to its end.
/// `recursive`: the same for the tasks that it submitted. Who gets the value, gets
/// TaskCancelledError, unless the task was done before.
template <class T>
void Cancel(const Ref<T>& ref, bool force = false, bool recursive = true) {
  api::Context::Current().Cancel(ref.Object().id, force, recursive);
}

/// In the simulator these two are virtual time.
inline void Sleep(Duration span) { api::Context::Current().Sleep(span); }
inline Instant Now() { return api::Context::Current().Now(); }

}  // namespace mobula
