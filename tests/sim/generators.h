// SPDX-License-Identifier: Apache-2.0
/// Generators in simulated C++ programs: the C++ API has none, the machines know no language.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "runtime/api/context.h"

namespace mobula::sim {

/// What a generator does.
struct GeneratorCall {
  std::uint32_t items = 0;
  /// Of each item, as its maker counts.
  std::uint64_t size = 8;
  /// Tells one from another.
  std::int64_t seed = 0;
  /// For each item.
  Duration pause = Milliseconds(1);
  /// After its items it fails, in every attempt.
  bool raises = false;
  // How it is called.
  StreamOptions options = {};
  int max_retries = -1;
  ResourceSet resources = ResourceSet::Of({{"CPU", 1}});
};

/// The consumer. REQUIRES: made and used by one driver or task.
class Stream {
 public:
  explicit Stream(const GeneratorCall& call);
  /// The generator is dropped.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// The next item, when there is one.
  std::optional<api::SharedReference> Next();
  /// Stands for the end.
  [[nodiscard]] const api::SharedReference& Completed() const { return end_; }

 private:
  std::shared_ptr<api::Session> session_;
  api::SharedReference end_;
  std::uint32_t taken_ = 0;
};

/// The bytes of item `index`, from 1.
using ItemMaker = std::function<std::string(const GeneratorCall& call, std::uint32_t index)>;

/// Runs such a task in the place of the C++ API. REQUIRES: it has `header.stream`.
void RunGenerator(worker::Process& process, const worker::RunTask& run, const ItemMaker& make);

}  // namespace mobula::sim
