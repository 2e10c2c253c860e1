// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/metrics_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace mobula::host {
namespace {

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Enough digits to tell any two apart.
  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.17g", value)));
  return text;
}

std::string Joined(const MetricsText::Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    absl::StrAppend(&text, text.empty() ? "" : ",", name, "=\"",
                    absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
                    "\"");
  }
  return text;
}

}  // namespace

void MetricsText::Family(const std::string& name, const std::string& type,
                         const std::string& help) {
  absl::StrAppend(&text_, "# HELP ", name, " ",
                  absl::StrReplaceAll(help, {{"\\", "\\\\"}, {"\n", "\\n"}}), "\n# TYPE ", name,
                  " ", type, "\n");
}

void MetricsText::Sample(const std::string& name, const Labels& labels, double value) {
  Written(name, "", labels, value);
}

void MetricsText::Single(const std::string& name, const std::string& type, const std::string& help,
                         double value) {
  Family(name, type, help);
  Sample(name, {}, value);
}

void MetricsText::Seconds(const std::string& name, const Labels& labels,
                          const Latencies::Values& values) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    count += values.counts[i];
    Labels with_end = labels;
    const bool is_last = i == Latencies::kEnds.size();
    with_end.emplace_back("le", is_last ? "+Inf" : absl::StrCat(Latencies::kEnds[i].Seconds()));
    Sample(absl::StrCat(name, "_bucket"), with_end, static_cast<double>(count));
  }
  Sample(absl::StrCat(name, "_sum"), labels, values.sum.Seconds());
  Sample(absl::StrCat(name, "_count"), labels, static_cast<double>(count));
}

void MetricsText::Written(const std::string& name, const std::string& labels, const Labels& further,
                          double value) {
  const std::string more = Joined(further);
  absl::StrAppend(&text_, name);
  if (!labels.empty() || !more.empty()) {
    absl::StrAppend(&text_, "{", labels, labels.empty() || more.empty() ? "" : ",", more, "}");
  }
  absl::StrAppend(&text_, " ", Number(value), "\n");
}

}  // namespace mobula::host
