// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "runtime/host/local/process_page.h"

namespace mobula::host {

/// Writes metrics as Prometheus reads them (text format 0.0.4). A family's head comes before its
/// samples, which come together.
class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  /// `type` is counter, gauge, histogram or untyped.
  void Family(const std::string& name, const std::string& type, const std::string& help);
  void Sample(const std::string& name, const Labels& labels, double value);
  /// One sample for a family that has no labels.
  void Single(const std::string& name, const std::string& type, const std::string& help,
              double value);
  /// The samples of one histogram of seconds.
  void Seconds(const std::string& name, const Labels& labels, const Latencies::Values& values);
  /// A sample whose labels are text already; further ones are put behind them.
  void Written(const std::string& name, const std::string& labels, const Labels& further,
               double value);

  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace mobula::host
