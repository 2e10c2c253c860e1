// SPDX-License-Identifier: Apache-2.0
/// Points in time and spans between them, in nanoseconds. Nothing here reads a clock: an `Instant`
/// comes from the host (steady clock) or the simulator (virtual time), always as an argument.
#pragma once

#include <compare>
#include <cstdint>

namespace mobula {

struct Duration {
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Duration&) const = default;
  [[nodiscard]] double Seconds() const { return static_cast<double>(nanoseconds) * 1e-9; }
  constexpr Duration operator+(Duration other) const { return {nanoseconds + other.nanoseconds}; }
  constexpr Duration operator-(Duration other) const { return {nanoseconds - other.nanoseconds}; }
  constexpr Duration operator*(std::int64_t factor) const { return {nanoseconds * factor}; }
  constexpr Duration operator/(std::int64_t divisor) const { return {nanoseconds / divisor}; }
};

constexpr Duration Nanoseconds(std::int64_t n) { return {n}; }
constexpr Duration Microseconds(std::int64_t n) { return {n * 1'000}; }
constexpr Duration Milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration Seconds(std::int64_t n) { return {n * 1'000'000'000}; }
/// Rounds to the nearest nanosecond.
constexpr Duration FromSeconds(double seconds) {
  return {static_cast<std::int64_t>(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5))};
}

struct Instant {
  /// Since the host's or the simulation's start.
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Instant&) const = default;
  [[nodiscard]] double Seconds() const { return static_cast<double>(nanoseconds) * 1e-9; }
  constexpr Instant operator+(Duration span) const { return {nanoseconds + span.nanoseconds}; }
  constexpr Instant operator-(Duration span) const { return {nanoseconds - span.nanoseconds}; }
  constexpr Duration operator-(Instant other) const { return {nanoseconds - other.nanoseconds}; }
};

}  // namespace mobula
