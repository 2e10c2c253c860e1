// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/ids.h"

namespace mobula {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

bool ParseWord(std::string_view hex, std::uint64_t& word) {
  word = 0;
  for (const char digit : hex) {
    const int value = DigitValue(digit);
    if (value < 0) return false;
    word = (word << 4) | static_cast<std::uint64_t>(value);
  }
  return true;
}

std::string WordHex(std::uint64_t word, int digits) {
  std::string hex(static_cast<std::size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i, word >>= 4)
    hex[static_cast<std::size_t>(i)] = kDigits[word & 15];
  return hex;
}

}  // namespace

// The finaliser of splitmix64, applied to both words.
std::uint64_t MixBits(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a * 0x9E3779B97F4A7C15ull + b + 0x7F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::string HexOf(std::uint64_t high, std::uint64_t low) {
  return WordHex(high, 16) + WordHex(low, 16);
}

bool ParseHex(std::string_view hex, std::uint64_t& high, std::uint64_t& low) {
  return hex.size() == 32 && ParseWord(hex.substr(0, 16), high) && ParseWord(hex.substr(16), low);
}

std::string ObjectId::Hex() const { return task.Hex() + WordHex(index, 8); }

ObjectId ObjectId::FromHex(std::string_view hex) {
  std::uint64_t index = 0;
  if (hex.size() != 40 || !ParseWord(hex.substr(32), index)) return ObjectId{};
  return ObjectId{TaskId::FromHex(hex.substr(0, 32)), static_cast<std::uint32_t>(index)};
}

std::ostream& operator<<(std::ostream& out, const ObjectId& id) {
  if (id.IsPut()) return out << id.task << "/put" << (id.index - ObjectId::kFirstPut);
  return out << id.task << "/" << id.index;
}

TaskId ChildTask(TaskId parent, std::uint32_t attempt, std::uint64_t counter) {
  return TaskId::Derive(parent, attempt, counter);
}

ObjectId PutObject(TaskId task, std::uint32_t attempt, std::uint32_t counter) {
  // Attempts put disjoint names: a stale attempt's objects must not stand in for the new one's.
  return ObjectId{attempt == 0 ? task : TaskId::Derive(task, 0x707574, attempt),
                  ObjectId::kFirstPut + counter};
}

ActorId ActorOf(TaskId task) { return ActorId::Derive(task, 0x6163746F72, 0); }

PlacementGroupId PlacementGroupOf(TaskId task) {
  return PlacementGroupId::Derive(task, 0x67726F7570, 0);
}

}  // namespace mobula
