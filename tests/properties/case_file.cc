// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/case_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faults/plan_check.h"
#include "faults/proto_fields.h"
#include "faults/reflect.h"
#include "tests/properties/case.pb.h"

namespace mobula::properties {
namespace {

using google::protobuf::TextFormat;

/// Keeps the first thing that the text parser has to say.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(std::string file) : file_(std::move(file)) {}
  void AddError(int line, int, const std::string& message) override {
    if (text.empty()) text = absl::StrCat(file_, ":", line + 1, ": ", message);
  }
  std::string text;

 private:
  std::string file_;
};

absl::Status Wrong(const std::string& file, const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", field, ": ", what));
}

}  // namespace

absl::StatusOr<Case> ParseCase(std::string_view text, const std::string& file) {
  proto::Case message;
  TextFormat::Parser parser;
  FirstError error(file);
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &message)) {
    return absl::InvalidArgumentError(
        absl::StrCat(error.text, " (the schema of a case is tests/properties/case.proto)"));
  }
  Case one;
  if (const auto wrong = faults::ReadFields(message, one)) {
    return Wrong(file, wrong->field, wrong->what);
  }
  for (int i = 0; i < message.plan().fault_size(); ++i) {
    faults::Fault fault;
    const auto wrong = faults::FromProto(message.plan().fault(i), fault);
    if (wrong) return Wrong(file, absl::StrCat("plan.fault[", i, "].", wrong->field), wrong->what);
    one.plan.Add(std::move(fault));
  }
  const absl::Status checked = faults::CheckPlan(one.plan);
  if (!checked.ok()) return Wrong(file, "plan", std::string(checked.message()));
  return one;
}

absl::StatusOr<Case> ReadCase(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || !text) return absl::NotFoundError(absl::StrCat("cannot read the case ", file));
  return ParseCase(text.str(), file);
}

std::string FormatCase(const Case& one) {
  proto::Case message;
  faults::WriteFields(one, message);
  for (const faults::Fault& fault : one.plan.faults) {
    faults::ToProto(fault, *message.mutable_plan()->add_fault());
  }
  std::string text;
  TextFormat::PrintToString(message, &text);
  return text;
}

}  // namespace mobula::properties
