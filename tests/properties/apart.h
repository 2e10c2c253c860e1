// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "tests/properties/run_case.h"

namespace mobula::properties {

struct ApartOptions {
  /// Other contents of fresh memory and other addresses: nothing that happens may depend on them.
  bool other_memory = false;
  /// Of real time; a run that takes longer never ends.
  unsigned seconds_max = 60;
};

/// A run of a case in a child of this process, so that a CHECK that fails, a signal or a loop
/// without end is an outcome like others. What the child writes to standard error is lost.
class Apart {
 public:
  /// Null in the child, which is to end with `Report`.
  static std::unique_ptr<Apart> Fork(const ApartOptions& options = {});
  [[noreturn]] static void Report(const Outcome& outcome);
  /// Runs the case in a child.
  static std::unique_ptr<Apart> Start(const Case& one, const ApartOptions& options = {});
  ~Apart();
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;

  /// Readable when `Advance` has something to do.
  [[nodiscard]] int Descriptor() const { return descriptor_; }
  /// Reads what is there, waiting for something; true once the child is over.
  bool Advance();
  /// Waits for the end.
  Outcome Finish();

 private:
  Apart() = default;

  pid_t child_ = -1;
  int descriptor_ = -1;
  std::string received_;
};

Outcome RunApart(const Case& one, const ApartOptions& options = {});
/// Twice, the second time with other memory. That both runs were the same is part of the outcome.
Outcome RunTwiceApart(const Case& one);
/// What the second run says against the first, as a problem of the first.
void CompareRuns(Outcome& first, const Outcome& second);

}  // namespace mobula::properties
