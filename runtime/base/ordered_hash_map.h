// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <utility>
#include <vector>

#include "runtime/base/check.h"

namespace mobula {

/// A map that finds by hash and iterates in the order of insertion, so that nothing depends on a
/// hash or an address: what machines keep in tables that are large or on a warm path. References
/// and iterators stay valid until their own entry is erased.
///
/// The entries are a list; beside it lies an open-addressing index of them (linear probing, holes
/// closed at once). Its interface is the part of std::map's that the machines use.
template <class Key, class Value, class Hash = std::hash<Key>>
class OrderedHashMap {
 public:
  using value_type = std::pair<const Key, Value>;
  using iterator = typename std::list<value_type>::iterator;
  using const_iterator = typename std::list<value_type>::const_iterator;

  OrderedHashMap() = default;
  OrderedHashMap(const OrderedHashMap&) = delete;
  OrderedHashMap& operator=(const OrderedHashMap&) = delete;

  iterator begin() { return entries_.begin(); }
  iterator end() { return entries_.end(); }
  [[nodiscard]] const_iterator begin() const { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  iterator find(const Key& key) {
    const std::size_t place = Locate(key);
    return place == kNowhere ? entries_.end() : slots_[place].entry;
  }
  [[nodiscard]] const_iterator find(const Key& key) const {
    const std::size_t place = Locate(key);
    return place == kNowhere ? entries_.end() : const_iterator(slots_[place].entry);
  }
  [[nodiscard]] bool contains(const Key& key) const { return Locate(key) != kNowhere; }
  /// REQUIRES: contains(key).
  Value& at(const Key& key) {
    const iterator found = find(key);
    CHECK(found != end()) << "no such key";
    return found->second;
  }
  [[nodiscard]] const Value& at(const Key& key) const {
    const const_iterator found = find(key);
    CHECK(found != end()) << "no such key";
    return found->second;
  }

  /// The entry of `key`, and whether it is new: then its value is made from `arguments`.
  template <class... Arguments>
  std::pair<iterator, bool> try_emplace(const Key& key, Arguments&&... arguments) {
    const std::size_t place = Locate(key);
    if (place != kNowhere) return {slots_[place].entry, false};
    entries_.emplace_back(std::piecewise_construct, std::forward_as_tuple(key),
                          std::forward_as_tuple(std::forward<Arguments>(arguments)...));
    const iterator entry = std::prev(entries_.end());
    if (entries_.size() * 2 > slots_.size()) Grow();
    Enter(HashOf(key), entry);
    return {entry, true};
  }

  iterator erase(iterator entry) {
    Leave(Locate(entry->first));
    return entries_.erase(entry);
  }
  std::size_t erase(const Key& key) {
    const std::size_t place = Locate(key);
    if (place == kNowhere) return 0;
    const iterator entry = slots_[place].entry;
    Leave(place);
    entries_.erase(entry);
    return 1;
  }

 private:
  struct Slot {
    /// 0 for an empty slot.
    std::uint64_t hash = 0;
    iterator entry;
  };
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  static constexpr std::size_t kSlotsMin = 16;

  static std::uint64_t HashOf(const Key& key) {
    // Spread once more: ids of one origin may differ in few bits.
    const std::uint64_t hash = Hash{}(key) * 0x9E3779B97F4A7C15ull;
    return hash == 0 ? 1 : hash;
  }
  [[nodiscard]] std::size_t Mask() const { return slots_.size() - 1; }
  /// The upper bits are the best mixed ones of a product.
  [[nodiscard]] std::size_t HomeOf(std::uint64_t hash) const { return (hash >> 32) & Mask(); }

  [[nodiscard]] std::size_t Locate(const Key& key) const {
    if (slots_.empty()) return kNowhere;
    const std::uint64_t hash = HashOf(key);
    for (std::size_t at = HomeOf(hash); slots_[at].hash != 0; at = (at + 1) & Mask()) {
      if (slots_[at].hash == hash && slots_[at].entry->first == key) return at;
    }
    return kNowhere;
  }
  void Enter(std::uint64_t hash, iterator entry) {
    std::size_t at = HomeOf(hash);
    while (slots_[at].hash != 0) at = (at + 1) & Mask();
    slots_[at] = {hash, entry};
  }
  void Grow() {
    std::vector<Slot> slots(slots_.empty() ? kSlotsMin : slots_.size() * 2);
    slots_.swap(slots);
    // The entries themselves, which lie anywhere, are not looked at.
    for (const Slot& slot : slots) {
      if (slot.hash != 0) Enter(slot.hash, slot.entry);
    }
  }
  /// Empties a slot, and moves up what would not be found any more behind the hole.
  void Leave(std::size_t hole) {
    CHECK(hole != kNowhere) << "an entry that is not in the map";
    for (std::size_t at = (hole + 1) & Mask(); slots_[at].hash != 0; at = (at + 1) & Mask()) {
      const std::size_t home = HomeOf(slots_[at].hash);
      if (((at - home) & Mask()) < ((at - hole) & Mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot{};
  }

  std::list<value_type> entries_;
  std::vector<Slot> slots_;
};

}  // namespace mobula
