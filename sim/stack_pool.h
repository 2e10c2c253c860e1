// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/context/protected_fixedsize_stack.hpp>
#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <vector>

namespace mobula::sim {

/// Stacks for fibers, each with a guard page. One that a fiber has left serves the next: asking the
/// operating system for a stack, and for its pages anew, costs more than most tasks.
class StackPool {
 public:
  explicit StackPool(std::size_t bytes) : stacks_(bytes) {}
  ~StackPool() {
    for (boost::context::stack_context& stack : free_) stacks_.deallocate(stack);
  }
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  boost::context::stack_context Take() {
    if (free_.empty()) return stacks_.allocate();
    const boost::context::stack_context stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void Give(const boost::context::stack_context& stack) { free_.push_back(stack); }

  /// What Boost.Context asks of an allocator; refers to the pool, which must outlive the fibers.
  class Allocator {
   public:
    explicit Allocator(StackPool& pool) : pool_(&pool) {}
    boost::context::stack_context allocate() { return pool_->Take(); }
    void deallocate(boost::context::stack_context& stack) noexcept { pool_->Give(stack); }

   private:
    StackPool* pool_;
  };

 private:
  boost::context::protected_fixedsize_stack stacks_;
  std::vector<boost::context::stack_context> free_;
};

}  // namespace mobula::sim
