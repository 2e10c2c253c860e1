// SPDX-License-Identifier: Apache-2.0
#include "faults/plan_check.h"

#include <algorithm>
#include <boost/mp11/algorithm.hpp>
#include <cmath>
#include <functional>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/core/protocol/messages.h"

namespace mobula::faults {
namespace {

const std::vector<std::string>& MessageNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, MessageVariant>>(
        [&]<class T>(std::type_identity<T>) { all.push_back(internal::TypeName<T>()); });
    return all;
  }();
  return names;
}

/// Checks one plan; remembers the first thing that is wrong.
class Checker {
 public:
  Checker(const Plan& plan, const std::vector<NodeFacts>* nodes) : plan_(plan), nodes_(nodes) {}

  absl::Status Run() {
    for (std::size_t i = 0; i < plan_.faults.size() && status_.ok(); ++i) {
      path_ = absl::StrCat("fault[", i, "]");
      Check(plan_.faults[i]);
      const Kind& kind = plan_.faults[i].kind;
      kind_ = KindName(kind);
      std::visit([this](const auto& one) { CheckKind(one); }, kind);
    }
    return status_;
  }

 private:
  void Wrong(const std::string& field, const std::string& what) {
    if (!status_.ok()) return;
    const std::string path = field.empty() ? path_ : absl::StrCat(path_, ".", field);
    std::string where;
    if (plan_.source != nullptr) {
      const auto& lines = plan_.source->lines;
      // A field that was left out is told of where its message begins.
      std::string known = path;
      while (!lines.contains(known) && known.find('.') != std::string::npos) {
        known = known.substr(0, known.rfind('.'));
      }
      const auto line = lines.find(known);
      where = absl::StrCat(plan_.source->file, ":", line == lines.end() ? 1 : line->second, ": ");
    }
    status_ = absl::InvalidArgumentError(absl::StrCat(where, path, ": ", what));
  }
  void WrongKind(const std::string& field, const std::string& what) {
    Wrong(absl::StrCat(kind_, ".", field), what);
  }

  void Check(const Fault& fault) {
    kind_.clear();
    const int triggers = fault.at.has_value() + fault.on.has_value() + fault.every.has_value();
    if (triggers != 1) {
      Wrong("", absl::StrCat("it has ", triggers == 0 ? "no trigger" : "several triggers",
                             "; expected exactly one of at, on and every"));
    }
    if (fault.at && *fault.at < Duration{}) Wrong("at", "lies before the start of the driver");
    if (fault.after < Duration{}) Wrong("after", "is negative");
    if (fault.every && *fault.every <= Duration{})
      Wrong("every", "expected a time longer than nothing");
    if (fault.until && !fault.every) Wrong("until", "goes with every");
    if (fault.until && *fault.until <= Duration{})
      Wrong("until", "is over before it begins: expected a time after the start of the driver");
    CheckProbability("probability", fault.probability);
    if (fault.times && *fault.times == 0) Wrong("times", "expected at least 1");
    if (fault.times && *fault.times > 1 && fault.at)
      Wrong("times", "a point in time comes once: expected 1, or every instead of at");
    if (fault.on) CheckOccasion(*fault.on);
  }

  void CheckOccasion(const Occasion& occasion) {
    const bool is_message = occasion.event == Happening::kMessageSent;
    if (occasion.count == 0) Wrong("on.count", "expected at least 1: the first one");
    if (!occasion.message.empty() && !is_message)
      Wrong("on.message", "goes with event MESSAGE_SENT only");
    if (!occasion.message.empty() && !occasion.name.empty())
      Wrong("on.name", "a message's name stands in `message` already");
    if (!is_message && !occasion.to.empty()) Wrong("on.to", "only a message has a target");
    const bool has_name = is_message || occasion.event == Happening::kTaskStarted ||
                          occasion.event == Happening::kTaskFinished ||
                          occasion.event == Happening::kActorStarted;
    if (!has_name && !occasion.name.empty()) Wrong("on.name", "such an event has no name");
    const std::string& message = occasion.message.empty() ? occasion.name : occasion.message;
    const auto& known = MessageNames();
    if (is_message && !message.empty() &&
        std::find(known.begin(), known.end(), message) == known.end()) {
      Wrong(occasion.message.empty() ? "on.name" : "on.message",
            absl::StrCat("no message is called \"", message, "\"; the messages are ",
                         absl::StrJoin(known, ", ")));
    }
    if (!occasion.from.empty()) CheckNode("on.from", occasion.from, false);
    if (!occasion.to.empty()) CheckNode("on.to", occasion.to, false);
  }

  void CheckProbability(const std::string& field, double value) {
    if (!(value >= 0 && value <= 1)) {
      Wrong(field, absl::StrCat(value, " is no probability: expected a number from 0 to 1"));
    }
  }

  void CheckNode(const std::string& field, const std::string& selector, bool ends_it) {
    if (selector.empty()) {
      return Wrong(field,
                   "names no node: expected a name as \"n2\", a label as \"rack=r1\", \"any\" or "
                   "\"all\"");
    }
    if (nodes_ == nullptr) return;
    const auto means = [&](const NodeFacts& node) { return Matches(selector, node.name, *nodes_); };
    const auto first = std::find_if(nodes_->begin(), nodes_->end(), means);
    if (first == nodes_->end() && selector != "any") {
      std::vector<std::string> names;
      for (const NodeFacts& node : *nodes_) names.push_back(node.name);
      return Wrong(field, absl::StrCat("no node is ",
                                       selector.find('=') == std::string::npos
                                           ? absl::StrCat("named \"", selector, "\"")
                                           : absl::StrCat("labelled ", selector),
                                       "; the nodes are ", absl::StrJoin(names, ", ")));
    }
    if (ends_it && first != nodes_->end() && first->is_head && selector != "all") {
      Wrong(field, absl::StrCat(first->name,
                                " is the head: the GCS and the driver live there, and the program "
                                "would end with it; crash another node"));
    }
  }
  void CheckNodes(const std::string& field, const std::vector<std::string>& selectors) {
    for (std::size_t i = 0; i < selectors.size(); ++i) {
      CheckNode(absl::StrCat(field, "[", i, "]"), selectors[i], false);
    }
  }
  void CheckPositive(const std::string& field, double value) {
    if (!(value > 0 && std::isfinite(value)))
      WrongKind(field, absl::StrCat(value, ": expected a number above 0"));
  }
  template <class Fault>
  void CheckLasts(const Fault& fault) {
    if (fault.lasts && *fault.lasts <= Duration{})
      WrongKind("lasts", "expected a time longer than nothing");
  }
  [[nodiscard]] std::string In(const std::string& field) const {
    return absl::StrCat(kind_, ".", field);
  }

  void CheckKind(const CrashNode& fault) {
    CheckNode(In("node"), fault.node, true);
    if (fault.restart_after && *fault.restart_after < Duration{})
      WrongKind("restart_after", "is negative");
  }
  void CheckKind(const RestartNode& fault) { CheckNode(In("node"), fault.node, false); }
  void CheckKind(const CrashWorker& fault) { CheckNode(In("node"), fault.node, false); }
  void CheckKind(const PauseNode& fault) {
    CheckNode(In("node"), fault.node, false);
    CheckLasts(fault);
  }
  void CheckKind(const PauseWorker& fault) {
    CheckNode(In("node"), fault.node, false);
    CheckLasts(fault);
  }
  void CheckKind(const SlowCpu& fault) {
    CheckNode(In("node"), fault.node, false);
    CheckPositive("factor", fault.factor);
    CheckLasts(fault);
  }
  void CheckKind(const ClockDrift& fault) {
    CheckNode(In("node"), fault.node, false);
    CheckPositive("rate", fault.rate);
    CheckLasts(fault);
  }
  void CheckKind(const Partition& fault) {
    if (fault.a.empty()) WrongKind("a", "names no node: a partition has two sides");
    CheckNodes(In("a"), fault.a);
    CheckNodes(In("b"), fault.b);
    for (const std::string& side : fault.a) {
      if (std::find(fault.b.begin(), fault.b.end(), side) != fault.b.end())
        WrongKind("b", absl::StrCat("\"", side, "\" is on both sides"));
    }
    CheckLasts(fault);
  }
  void CheckKind(const CrashGcs& fault) {
    if (fault.restart_after && *fault.restart_after < Duration{})
      WrongKind("restart_after", "is negative");
  }
  void CheckKind(const DiskFault& fault) {
    CheckNode(In("node"), fault.node, false);
    if (fault.delay < Duration{}) WrongKind("delay", "is negative");
    if (fault.mode == DiskMode::kSlow && fault.delay == Duration{})
      WrongKind("delay", "a slow disk: expected how much longer its writes take");
    CheckLasts(fault);
  }
  void CheckKind(const LinkFault& fault) {
    if (fault.from.empty()) WrongKind("from", "names no node");
    CheckNodes(In("from"), fault.from);
    CheckNodes(In("to"), fault.to);
    CheckProbability(In("loss"), fault.loss);
    CheckProbability(In("duplicate"), fault.duplicate);
    CheckProbability(In("reorder"), fault.reorder);
    const std::pair<const char*, Duration> times[] = {
        {"delay", fault.delay}, {"jitter", fault.jitter}, {"reorder_by", fault.reorder_by}};
    for (const auto& [field, span] : times) {
      if (span < Duration{}) WrongKind(field, "is negative");
    }
    if (!(fault.bytes_per_second >= 0)) WrongKind("bytes_per_second", "is negative");
    CheckLasts(fault);
  }

  const Plan& plan_;
  const std::vector<NodeFacts>* nodes_;
  std::string path_;
  std::string kind_;
  absl::Status status_;
};

}  // namespace

absl::Status CheckPlan(const Plan& plan) { return Checker(plan, nullptr).Run(); }

absl::Status CheckPlan(const Plan& plan, const std::vector<NodeFacts>& nodes) {
  return Checker(plan, &nodes).Run();
}

}  // namespace mobula::faults
