// SPDX-License-Identifier: Apache-2.0
/// An immutable byte string that is shared, not copied: one value may sit in a table, a message and
/// a retry queue at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mobula {

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string content)
      : content_(std::make_shared<const std::string>(std::move(content))) {}

  [[nodiscard]] std::string_view View() const {
    return content_ ? std::string_view(*content_) : std::string_view();
  }
  [[nodiscard]] std::size_t Size() const { return content_ ? content_->size() : 0; }
  bool operator==(const Bytes& other) const { return View() == other.View(); }

 private:
  std::shared_ptr<const std::string> content_;
};

}  // namespace mobula
