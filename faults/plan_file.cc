// SPDX-License-Identifier: Apache-2.0
#include "faults/plan_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "faults/json_lines.h"
#include "faults/plan.pb.h"
#include "faults/plan_check.h"
#include "faults/reflect.h"
#include "runtime/base/check.h"

namespace mobula::faults {
namespace {

using google::protobuf::TextFormat;

absl::Status Located(const std::string& file, int line, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", what));
}

/// Keeps the first thing that the text parser has to say.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int, const std::string& message) override {
    if (!text.empty()) return;
    at_line = line + 1;
    text = message;
  }
  int at_line = 0;
  std::string text;
};

/// Lines of `tree` and what is inside it, by path.
void CollectLines(const google::protobuf::Message& message, const TextFormat::ParseInfoTree& tree,
                  const std::string& prefix, std::map<std::string, int>& lines) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int index = field->is_repeated() ? i : -1;
      std::string path = absl::StrCat(prefix, prefix.empty() ? "" : ".", field->name());
      if (field->is_repeated()) path += absl::StrCat("[", i, "]");
      lines[path] = tree.GetLocation(field, index).line + 1;
      if (field->message_type() == nullptr) continue;
      const auto& inner = field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                               : reflection->GetMessage(message, field);
      CollectLines(inner, *tree.GetTreeForNested(field, index), path, lines);
    }
  }
}

absl::Status ReadText(std::string_view text, Source& source, proto::Plan& plan) {
  TextFormat::Parser parser;
  TextFormat::ParseInfoTree tree;
  FirstError error;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(std::string(text), &plan)) {
    return Located(source.file, error.at_line,
                   absl::StrCat(error.text, " (the schema of a plan is faults/plan.proto)"));
  }
  CollectLines(plan, tree, "", source.lines);
  return absl::OkStatus();
}

/// Of what JSON conversion says, the path in parentheses: "INVALID_ARGUMENT:(fault[0].at): ...".
int LineOfJsonError(std::string_view message, const std::map<std::string, int>& lines) {
  const auto open = message.find('(');
  const auto close = message.find(')', open);
  if (open == std::string_view::npos || close == std::string_view::npos) return 1;
  std::string path(message.substr(open + 1, close - open - 1));
  while (!path.empty()) {
    if (const auto line = lines.find(path); line != lines.end()) return line->second;
    const auto end = path.find_last_of(".[");
    path = end == std::string::npos ? "" : path.substr(0, end);
  }
  return 1;
}

absl::Status ReadJson(std::string_view text, Source& source, proto::Plan& plan) {
  auto lines = LinesOfJson(text);
  if (!lines.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(source.file, ":", std::string(lines.status().message())));
  source.lines = *std::move(lines);
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(text), &plan);
  if (status.ok()) return absl::OkStatus();
  const std::string message(status.message());
  return Located(source.file, LineOfJsonError(message, source.lines),
                 absl::StrCat(message, " (the schema of a plan is faults/plan.proto)"));
}

}  // namespace

absl::StatusOr<Plan> ParsePlan(std::string_view text, const std::string& file, PlanFormat format) {
  proto::Plan message;
  auto source = std::make_shared<Source>();
  source->file = file;
  const absl::Status read = format == PlanFormat::kJson ? ReadJson(text, *source, message)
                                                        : ReadText(text, *source, message);
  if (!read.ok()) return read;
  Plan plan;
  for (int i = 0; i < message.fault_size(); ++i) {
    Fault fault;
    const std::string path = absl::StrCat("fault[", i, "]");
    const auto wrong = FromProto(message.fault(i), fault);
    if (wrong) {
      const std::string at = absl::StrCat(path, ".", wrong->field);
      const auto line = source->lines.find(wrong->field.empty() ? path : at);
      return Located(file, line == source->lines.end() ? 1 : line->second,
                     absl::StrCat(wrong->field.empty() ? path : at, ": ", wrong->what));
    }
    plan.Add(std::move(fault));
  }
  plan.source = std::move(source);
  const absl::Status checked = CheckPlan(plan);
  if (!checked.ok()) return checked;
  return plan;
}

absl::StatusOr<Plan> ReadPlan(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || !text) return absl::NotFoundError(absl::StrCat("cannot read the fault plan ", file));
  return ParsePlan(text.str(), file,
                   absl::EndsWith(file, ".json") ? PlanFormat::kJson : PlanFormat::kText);
}

std::string FormatPlan(const Plan& plan, PlanFormat format) {
  proto::Plan message;
  for (const Fault& fault : plan.faults) ToProto(fault, *message.add_fault());
  std::string text;
  if (format == PlanFormat::kJson) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.preserve_proto_field_names = true;
    CHECK(google::protobuf::util::MessageToJsonString(message, &text, options).ok());
  } else {
    TextFormat::PrintToString(message, &text);
  }
  return text;
}

// Times

namespace {

struct Unit {
  std::string_view suffix;
  double seconds;
};
// "s" is a suffix of the others, so it comes last.
constexpr Unit kUnits[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"s", 1}};

}  // namespace

absl::StatusOr<Duration> ParseTime(std::string_view text) {
  const auto wrong = absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text),
                   "\" is no time: expected a number and its unit, as in 0.5s, 20ms or 7us"));
  std::string_view number = text;
  double scale = 0;
  for (const Unit& unit : kUnits) {
    if (!number.ends_with(unit.suffix)) continue;
    number.remove_suffix(unit.suffix.size());
    scale = unit.seconds;
    break;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (scale == 0 || error != std::errc() || end != number.data() + number.size()) return wrong;
  if (value < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text),
                     "\" lies before the start: times count from the start of the driver"));
  }
  // Where nanoseconds in 64 bits end; this also refuses what is no finite number.
  if (!(value * scale < 9e9)) return wrong;
  return FromSeconds(value * scale);
}

std::string FormatTime(Duration span) {
  const std::int64_t whole = span.nanoseconds;
  if (whole % 1'000'000'000 == 0) return absl::StrCat(whole / 1'000'000'000, "s");
  if (whole % 1'000'000 == 0) return absl::StrCat(whole / 1'000'000, "ms");
  if (whole % 1'000 == 0) return absl::StrCat(whole / 1'000, "us");
  return absl::StrCat(whole, "ns");
}

}  // namespace mobula::faults
