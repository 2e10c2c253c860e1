// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/base/check.h"

namespace mobula {

/// A map that finds by hash and iterates in the order of insertion, so that nothing depends on a
/// hash or an address: what machines keep in tables that are large or on a warm path. References
/// and iterators stay valid until their own entry is erased.
///
/// Entries lie in blocks that never move, each with the numbers of its neighbours in the order;
/// places of erased ones are used again. Beside them lies an open-addressing index (linear probing,
/// holes closed at once). Its interface is the part of std::map's that the machines use.
template <class Key, class Value, class Hash = std::hash<Key>>
class OrderedHashMap {
  using Number = std::uint32_t;
  struct Cell;
  template <bool kConst>
  class Iterator;

 public:
  using value_type = std::pair<const Key, Value>;
  using iterator = Iterator<false>;
  using const_iterator = Iterator<true>;

  OrderedHashMap() = default;
  ~OrderedHashMap() { DestroyAll(); }
  OrderedHashMap(const OrderedHashMap&) = delete;
  OrderedHashMap& operator=(const OrderedHashMap&) = delete;

  iterator begin() { return {this, first_}; }
  iterator end() { return {this, kNone}; }
  [[nodiscard]] const_iterator begin() const { return {this, first_}; }
  [[nodiscard]] const_iterator end() const { return {this, kNone}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  iterator find(const Key& key) { return IteratorAt(Locate(key)); }
  [[nodiscard]] const_iterator find(const Key& key) const { return IteratorAt(Locate(key)); }
  [[nodiscard]] bool contains(const Key& key) const { return Locate(key).cell != nullptr; }
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
    if (const Found found = Locate(key); found.cell != nullptr) return {IteratorAt(found), false};
    const Number number = TakeCell();
    Cell& cell = CellAt(number);
    std::construct_at(cell.Entry(), std::piecewise_construct, std::forward_as_tuple(key),
                      std::forward_as_tuple(std::forward<Arguments>(arguments)...));
    cell.before = last_;
    cell.after = kNone;
    (last_ == kNone ? first_ : CellAt(last_).after) = number;
    last_ = number;
    if (++size_ * 2 > slots_.size()) Grow();
    Enter({HashOf(key), number + 1});
    recent_ = {&cell, number};
    return {IteratorAt(recent_), true};
  }

  iterator erase(iterator entry) {
    const iterator next = std::next(entry);
    Erase(entry);
    return next;
  }
  std::size_t erase(const Key& key) {
    const Found found = Locate(key);
    if (found.cell == nullptr) return 0;
    Erase(IteratorAt(found));
    return 1;
  }

 private:
  static constexpr Number kNone = ~Number{0};
  static constexpr std::size_t kSlotsMin = 16;
  /// Blocks hold 16, 32, ... and then always 1,024 cells: little for a small table, and no more
  /// than that to spare in a large one.
  static constexpr Number kSmallest = 16;
  static constexpr Number kLargest = 1024;
  static constexpr Number kDoublings = 6;
  static constexpr Number kGrowing = kLargest - kSmallest;

  /// Room for an entry. One that is free has the next free one behind it.
  struct Cell {
    alignas(value_type) std::array<std::byte, sizeof(value_type)> room;
    Number before;
    Number after;
    value_type* Entry() { return reinterpret_cast<value_type*>(room.data()); }
  };
  struct Slot {
    std::uint32_t hash = 0;
    /// Of the cell, from 1; 0 for an empty slot.
    Number number = 0;
  };

  /// No cell when there is none.
  struct Found {
    Cell* cell = nullptr;
    Number number = kNone;
  };

  template <bool kConst>
  class Iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = OrderedHashMap::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = std::conditional_t<kConst, const value_type&, value_type&>;
    using pointer = std::conditional_t<kConst, const value_type*, value_type*>;

    Iterator() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): as the iterators of the standard library.
    operator Iterator<true>() const { return {map_, cell_, number_}; }
    reference operator*() const { return *cell_->Entry(); }
    pointer operator->() const { return cell_->Entry(); }
    Iterator& operator++() { return *this = {map_, cell_->after}; }
    Iterator operator++(int) { return std::exchange(*this, {map_, cell_->after}); }
    Iterator& operator--() {
      return *this = {map_, number_ == kNone ? map_->last_ : cell_->before};
    }
    bool operator==(const Iterator& other) const { return number_ == other.number_; }

   private:
    friend class OrderedHashMap;
    Iterator(const OrderedHashMap* map, Number number)
        : Iterator(map, number == kNone ? nullptr : &map->CellAt(number), number) {}
    Iterator(const OrderedHashMap* map, Cell* cell, Number number)
        : map_(map), cell_(cell), number_(number) {}

    const OrderedHashMap* map_ = nullptr;
    Cell* cell_ = nullptr;
    Number number_ = kNone;
  };

  // Cells

  [[nodiscard]] Cell& CellAt(Number number) const {
    if (number >= kGrowing) {
      const Number rest = number - kGrowing;
      return blocks_[kDoublings + rest / kLargest][rest % kLargest];
    }
    const auto block = static_cast<Number>(std::bit_width(number / kSmallest + 1) - 1);
    return blocks_[block][number - kSmallest * ((Number{1} << block) - 1)];
  }
  Number TakeCell() {
    if (free_ != kNone) {
      const Number number = free_;
      free_ = CellAt(number).after;
      return number;
    }
    if (used_ == capacity_) {
      const std::size_t block = blocks_.size();
      const Number cells = block < kDoublings ? kSmallest << block : kLargest;
      blocks_.push_back(std::make_unique_for_overwrite<Cell[]>(cells));
      capacity_ += cells;
    }
    return used_++;
  }
  void DestroyAll() {
    for (Number number = first_; number != kNone;) {
      Cell& cell = CellAt(number);
      number = cell.after;
      std::destroy_at(cell.Entry());
    }
  }

  // Index

  /// The upper bits are the best mixed ones of a product. Spread once more: ids of one origin may
  /// differ in few bits.
  static std::uint32_t HashOf(const Key& key) {
    return static_cast<std::uint32_t>((Hash{}(key) * 0x9E3779B97F4A7C15ull) >> 32);
  }
  [[nodiscard]] std::size_t Mask() const { return slots_.size() - 1; }

  [[nodiscard]] Found Locate(const Key& key) const {
    if (recent_.cell != nullptr && recent_.cell->Entry()->first == key) return recent_;
    if (slots_.empty()) return {};
    const std::uint32_t hash = HashOf(key);
    for (std::size_t at = hash & Mask(); slots_[at].number != 0; at = (at + 1) & Mask()) {
      if (slots_[at].hash != hash) continue;
      const Number number = slots_[at].number - 1;
      Cell& cell = CellAt(number);
      if (cell.Entry()->first == key) return recent_ = {&cell, number};
    }
    return {};
  }
  [[nodiscard]] std::size_t PlaceOf(iterator entry) const {
    CHECK(entry.cell_ != nullptr) << "an entry that is not in the map";
    std::size_t at = HashOf(entry->first) & Mask();
    while (slots_[at].number != entry.number_ + 1) at = (at + 1) & Mask();
    return at;
  }
  [[nodiscard]] iterator IteratorAt(Found found) const { return {this, found.cell, found.number}; }
  void Enter(Slot slot) {
    std::size_t at = slot.hash & Mask();
    while (slots_[at].number != 0) at = (at + 1) & Mask();
    slots_[at] = slot;
  }
  void Grow() {
    std::vector<Slot> slots(slots_.empty() ? kSlotsMin : slots_.size() * 2);
    slots_.swap(slots);
    // The entries themselves, which lie anywhere, are not looked at.
    for (const Slot& slot : slots) {
      if (slot.number != 0) Enter(slot);
    }
  }
  /// Empties a slot, and moves up what would not be found any more behind the hole.
  void Leave(std::size_t hole) {
    for (std::size_t at = (hole + 1) & Mask(); slots_[at].number != 0; at = (at + 1) & Mask()) {
      const std::size_t home = slots_[at].hash & Mask();
      if (((at - home) & Mask()) < ((at - hole) & Mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot{};
  }

  void Erase(iterator entry) {
    Leave(PlaceOf(entry));
    Cell& cell = *entry.cell_;
    if (recent_.cell == &cell) recent_ = {};
    (cell.before == kNone ? first_ : CellAt(cell.before).after) = cell.after;
    (cell.after == kNone ? last_ : CellAt(cell.after).before) = cell.before;
    std::destroy_at(cell.Entry());
    cell.after = std::exchange(free_, entry.number_);
    if (--size_ == 0 && used_ > kLargest) GiveBack();
  }
  /// A table that was large and is empty takes no room.
  void GiveBack() {
    blocks_.clear();
    slots_ = std::vector<Slot>();
    free_ = kNone;
    used_ = capacity_ = 0;
  }

  std::vector<std::unique_ptr<Cell[]>> blocks_;
  std::vector<Slot> slots_;
  /// What was found or made last: one event asks for the same entry several times.
  mutable Found recent_;
  std::size_t size_ = 0;
  Number first_ = kNone;
  Number last_ = kNone;
  Number free_ = kNone;
  /// Cells that were ever taken, and cells in all blocks.
  Number used_ = 0;
  Number capacity_ = 0;
};

}  // namespace mobula
