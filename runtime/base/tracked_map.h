// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace mobula {

/// A map around another (`std::map`, `OrderedHashMap`) that, when asked, notes which entries were
/// handed out to be changed: so that a trace can show what one event did to a table of thousands of
/// entries without comparing them all. Access through a const reference is never noted. Only a
/// table whose entries never change but through here can be watched this way.
template <class Table>
class TrackedMap {
 public:
  using value_type = typename Table::value_type;
  using K = std::remove_const_t<typename value_type::first_type>;
  using V = typename value_type::second_type;
  using iterator = typename Table::iterator;
  using const_iterator = typename Table::const_iterator;

  /// From here on.
  void Track() { tracking_ = true; }
  /// Since the last `ForgetTouched`, in the order of access, with repetitions.
  [[nodiscard]] const std::vector<K>& Touched() const { return touched_; }
  /// Somebody went through all entries.
  [[nodiscard]] bool AllTouched() const { return all_touched_; }
  void ForgetTouched() {
    touched_.clear();
    all_touched_ = false;
  }

  iterator find(const K& key) {
    Note(key);
    return table_.find(key);
  }
  [[nodiscard]] const_iterator find(const K& key) const { return table_.find(key); }
  V& at(const K& key) {
    Note(key);
    return table_.at(key);
  }
  [[nodiscard]] const V& at(const K& key) const { return table_.at(key); }
  template <class... Arguments>
  std::pair<iterator, bool> try_emplace(const K& key, Arguments&&... arguments) {
    Note(key);
    return table_.try_emplace(key, std::forward<Arguments>(arguments)...);
  }
  iterator erase(iterator entry) {
    Note(entry->first);
    return table_.erase(entry);
  }
  std::size_t erase(const K& key) {
    Note(key);
    return table_.erase(key);
  }
  iterator begin() {
    all_touched_ = tracking_;
    return table_.begin();
  }
  iterator end() { return table_.end(); }
  [[nodiscard]] const_iterator begin() const { return table_.begin(); }
  [[nodiscard]] const_iterator end() const { return table_.end(); }
  [[nodiscard]] bool contains(const K& key) const { return table_.contains(key); }
  [[nodiscard]] bool empty() const { return table_.empty(); }
  [[nodiscard]] std::size_t size() const { return table_.size(); }

 private:
  void Note(const K& key) {
    if (tracking_) touched_.push_back(key);
  }

  Table table_;
  bool tracking_ = false;
  bool all_touched_ = false;
  std::vector<K> touched_;
};

}  // namespace mobula
