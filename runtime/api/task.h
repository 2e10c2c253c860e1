// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/context.h"
#include "runtime/api/placement_group.h"
#include "runtime/api/ref.h"
#include "runtime/api/registry.h"
#include "runtime/api/runtime_env.h"

namespace mobula {
namespace api {

/// One argument of a call: a Ref<T> for a parameter of type T goes as a reference, whose value the
/// task receives; everything else goes as a value.
template <class Parameter, class Argument>
TaskArgument MakeArgument(const Argument& argument, Context& context) {
  TaskArgument slot;
  if constexpr (IsRef<Argument>::value && !IsRef<Parameter>::value) {
    static_assert(std::is_same_v<typename Argument::Type, Parameter>,
                  "a referenced value is not converted: the parameter must have its type");
    slot.reference = argument.Object();
  } else {
    static_assert(std::is_convertible_v<const Argument&, Parameter>,
                  "the argument does not fit the parameter");
    Encoded encoded = Encode<Parameter>(argument);
    if (encoded.data.size() > Payload::kInlineLimit) {
      slot.reference = context.PutArgument(std::move(encoded));
    } else {
      slot.value.data = Bytes(std::move(encoded.data));
      slot.contained = std::move(encoded.contained);
    }
  }
  return slot;
}

template <class Parameters, class... Given>
void AddArguments(TaskSpec& spec, Context& context, const Given&... arguments) {
  static_assert(std::tuple_size_v<Parameters> == sizeof...(Given),
                "the function takes another number of arguments");
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto& slots = spec.arguments.Edit();
    (slots.push_back(MakeArgument<std::tuple_element_t<I, Parameters>>(arguments, context)), ...);
  }(std::index_sequence_for<Given...>());
}

/// The options that every call has. `Self` is the class that inherits this.
template <class Self>
class CallOptions {
 public:
  /// How much of a resource it holds while it runs.
  Self& SetResource(std::string_view name, double amount) {
    resources_[std::string(name)] = amount;
    return Me();
  }
  Self& SetResources(const std::map<std::string, double>& amounts) {
    for (const auto& [name, amount] : amounts) resources_[name] = amount;
    return Me();
  }
  /// What people see: in logs, errors and traces.
  Self& SetName(std::string name) {
    name_ = std::move(name);
    return Me();
  }
  /// In the bundle of that position, or in any that has room when it is -1.
  Self& SetPlacementGroup(const PlacementGroup& group, int bundle = -1) {
    strategy_.kind = StrategyKind::kPlacementGroup;
    strategy_.group = group.Id();
    strategy_.bundle = static_cast<std::uint32_t>(bundle + 1);
    return Me();
  }
  /// Over all nodes in turn.
  Self& SetSpread() {
    strategy_.kind = StrategyKind::kSpread;
    return Me();
  }
  /// On that node; when `soft`, elsewhere if it is gone.
  Self& SetNode(NodeId node, bool soft = false) {
    strategy_.kind = StrategyKind::kNodeAffinity;
    strategy_.node = node;
    strategy_.soft = soft;
    return Me();
  }
  /// On a node whose label has one of the values; when `soft`, only where there is a choice. Each
  /// call is one more rule.
  Self& SetNodeLabel(std::string key, std::vector<std::string> values, bool soft = false) {
    strategy_.kind = StrategyKind::kNodeLabel;
    strategy_.labels.push_back({std::move(key), LabelOperator::kIn, std::move(values), soft});
    return Me();
  }
  /// What its worker finds around it. Without, what the caller has.
  Self& SetRuntimeEnv(const RuntimeEnv& runtime_env) {
    runtime_env_ = runtime_env.ToJson();
    return Me();
  }

 protected:
  /// Shared with the other calls of its kind, unless something is set here.
  Shared<TaskHeader> HeaderFor(Context& context, const CallKind& kind) const {
    Shared<TaskHeader> header = context.HeaderOf(kind);
    const bool is_placed = strategy_.kind != StrategyKind::kDefault;
    if (!resources_.empty() || !name_.empty() || is_placed || runtime_env_) FillIn(header.Edit());
    return header;
  }
  void FillIn(TaskHeader& header) const {
    for (const auto& [resource, units] : ResourceSet::Of(resources_).units)
      header.resources.SetUnits(resource, units);
    if (!name_.empty()) header.name = name_;
    header.strategy = strategy_;
    if (runtime_env_) header.runtime_env = *runtime_env_;
  }

  std::map<std::string, double> resources_;
  std::string name_;
  SchedulingStrategy strategy_;
  std::optional<std::string> runtime_env_;

 private:
  Self& Me() { return static_cast<Self&>(*this); }
};

/// What calls of functions have besides.
template <class Self>
class TaskOptions : public CallOptions<Self> {
 public:
  /// How often it is run again after a failure of the system; -1 for without end.
  Self& SetMaxRetries(int retries) {
    max_retries_ = retries;
    return static_cast<Self&>(*this);
  }
  /// Whether an exception of the function counts as a failure, too.
  Self& SetRetryExceptions(bool retry) {
    retry_exceptions_ = retry;
    return static_cast<Self&>(*this);
  }

 protected:
  int max_retries_ = 3;
  bool retry_exceptions_ = false;
};

/// A call of a remote function that is being put together.
template <class Function>
class TaskCall : public TaskOptions<TaskCall<Function>> {
 public:
  using Result = std::decay_t<typename Signature<Function>::Result>;

  explicit TaskCall(Function function) : function_(function) {}

  template <class... Given>
  Ref<Result> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const CallKind kind{.function = &Registry::Get().NameOf(function_),
                        .max_retries = this->max_retries_,
                        .retry_exceptions = this->retry_exceptions_};
    TaskSpec spec = context.NewTask(this->HeaderFor(context, kind));
    AddArguments<typename Signature<Function>::Arguments>(spec, context, arguments...);
    return Ref<Result>(context.Submit(std::move(spec)));
  }

 private:
  Function function_;
};

}  // namespace api

/// `Task(Add).Remote(1, 2)` runs Add somewhere and returns at once.
template <class R, class... A>
api::TaskCall<R (*)(A...)> Task(R (*function)(A...)) {
  return api::TaskCall<R (*)(A...)>(function);
}

}  // namespace mobula
