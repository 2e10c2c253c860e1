// SPDX-License-Identifier: Apache-2.0
#include "faults/json_lines.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"

namespace mobula::faults {
namespace {

/// A recursive descent over the text. Values are not kept: protobuf reads them afterwards.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  absl::StatusOr<std::map<std::string, int>> Run() {
    Value("", 0);
    Skip();
    if (ok_ && at_ < text_.size()) Fail("expected the end of the text");
    if (!ok_) return absl::InvalidArgumentError(error_);
    return std::move(lines_);
  }

 private:
  static constexpr int kDepthMax = 64;

  [[nodiscard]] int Line() const {
    return 1 + static_cast<int>(std::count(text_.begin(),
                                           text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
  }
  void Fail(const std::string& what) {
    if (!ok_) return;
    ok_ = false;
    error_ = absl::StrCat(Line(), ": ", what);
    if (at_ < text_.size()) error_ += absl::StrCat(", got \"", std::string(1, text_[at_]), "\"");
  }
  void Skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Take(char wanted) {
    Skip();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  std::string String() {
    if (!Take('"')) {
      Fail("expected a text in double quotes");
      return "";
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= text_.size() || text_[at_] != '"') {
      at_ = std::min(at_, text_.size());
      Fail("the text has no end");
      return "";
    }
    return std::string(text_.substr(begin, at_++ - begin));
  }
  void Value(const std::string& path, int depth) {
    if (depth > kDepthMax) Fail("it is nested too deeply");
    if (!ok_) return;
    Skip();
    lines_.try_emplace(path, Line());
    if (Take('{')) {
      Members(path, depth);
    } else if (Take('[')) {
      Elements(path, depth);
    } else if (at_ < text_.size() && text_[at_] == '"') {
      String();
    } else {
      const std::size_t begin = at_;
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                    text_[at_] == '+' || text_[at_] == '-' || text_[at_] == '.')) {
        ++at_;
      }
      if (at_ == begin) Fail("expected a value");
    }
  }
  void Members(const std::string& path, int depth) {
    if (Take('}')) return;
    do {
      Skip();
      const int line = Line();
      const std::string name = String();
      if (ok_ && !Take(':')) Fail("expected a colon");
      const std::string inner = absl::StrCat(path, path.empty() ? "" : ".", name);
      lines_[inner] = line;
      Value(inner, depth + 1);
    } while (ok_ && Take(','));
    if (ok_ && !Take('}')) Fail("expected a comma or }");
  }
  void Elements(const std::string& path, int depth) {
    if (Take(']')) return;
    int index = 0;
    do {
      Value(absl::StrCat(path, "[", index++, "]"), depth + 1);
    } while (ok_ && Take(','));
    if (ok_ && !Take(']')) Fail("expected a comma or ]");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ok_ = true;
  std::string error_;
  std::map<std::string, int> lines_;
};

}  // namespace

absl::StatusOr<std::map<std::string, int>> LinesOfJson(std::string_view text) {
  return Walker(text).Run();
}

}  // namespace mobula::faults
