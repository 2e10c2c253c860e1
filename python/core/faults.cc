// SPDX-License-Identifier: Apache-2.0
#include "python/core/faults.h"

#include <pybind11/stl.h>

#include <boost/describe/enum_from_string.hpp>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "faults/injector.h"
#include "faults/plan_check.h"
#include "faults/plan_file.h"
#include "python/core/convert.h"

namespace mobula::python {
namespace {

/// Name, labels, whether it runs, whether it is the head.
using NodeTuple = std::tuple<std::string, std::map<std::string, std::string>, bool, bool>;
using NodeTuples = std::vector<NodeTuple>;

faults::Injector::Nodes FactsOf(const NodeTuples& tuples) {
  faults::Injector::Nodes nodes;
  for (const auto& [name, labels, runs, is_head] : tuples) {
    nodes.push_back({name, labels, runs, is_head});
  }
  return nodes;
}

/// "TaskStarted", as processes report it.
std::string EventName(faults::Happening event) {
  return boost::describe::enum_to_string(event, "k?") + 1;
}

faults::Happening EventOf(const std::string& name) {
  faults::Happening event = faults::Happening::kMessageSent;
  if (!boost::describe::enum_from_string(("k" + name).c_str(), event)) {
    throw py::value_error("there is no event " + name);
  }
  return event;
}

/// A plan that holds only this fault, for the daemons that carry it out.
std::string OrderOf(const faults::Kind& kind) {
  faults::Plan plan;
  plan.Add(faults::At({}, kind));
  return faults::FormatPlan(plan, faults::PlanFormat::kText);
}

py::list ToPython(const faults::InjectorEffects& effects) {
  py::list list;
  for (const faults::InjectorEffect& effect : effects) {
    if (const auto* alarm = std::get_if<faults::Alarm>(&effect)) {
      list.append(py::make_tuple("alarm", alarm->key, alarm->delay.Seconds()));
    } else if (const auto* begin = std::get_if<faults::Begin>(&effect)) {
      list.append(py::make_tuple("begin", begin->id, faults::KindName(begin->kind),
                                 python::ToPython(begin->kind), OrderOf(begin->kind)));
    } else {
      const auto& end = std::get<faults::End>(effect);
      list.append(py::make_tuple("end", end.id, faults::KindName(end.kind),
                                 python::ToPython(end.kind), ""));
    }
  }
  return list;
}

class FaultInjector {
 public:
  FaultInjector(const std::string& file, std::uint64_t seed, const NodeTuples& nodes)
      : plan_(Read(file, nodes)), injector_(plan_, seed) {}

  py::list Start() {
    faults::InjectorEffects effects;
    injector_.Start(effects);
    return ToPython(effects);
  }
  py::list HandleTimer(std::uint64_t key, const NodeTuples& nodes) {
    faults::InjectorEffects effects;
    injector_.HandleTimer(key, FactsOf(nodes), effects);
    return ToPython(effects);
  }
  py::list Observe(const std::string& event, std::string name, std::string from, std::string to,
                   const NodeTuples& nodes) {
    faults::InjectorEffects effects;
    injector_.Observe(
        {EventOf(event), std::move(name), std::move(from), std::move(to)},
        [&] { return FactsOf(nodes); }, effects);
    return ToPython(effects);
  }
  py::list Heal(const NodeTuples& nodes) {
    faults::InjectorEffects effects;
    injector_.Heal(FactsOf(nodes), effects);
    return ToPython(effects);
  }

  /// What processes are to report: pairs of an event and a name, which is empty for any.
  [[nodiscard]] std::set<std::pair<std::string, std::string>> Listens() const {
    std::set<std::pair<std::string, std::string>> listens;
    for (const faults::Fault& fault : plan_.faults) {
      if (!fault.on || !injector_.ListensFor(fault.on->event)) continue;
      const faults::Occasion& on = *fault.on;
      listens.emplace(EventName(on.event), on.message.empty() ? on.name : on.message);
    }
    return listens;
  }
  /// The kinds of its faults, each with where it is written: "plan.textproto:7: fault[1]".
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> Kinds() const {
    std::vector<std::pair<std::string, std::string>> kinds;
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
      std::string place = "fault[" + std::to_string(i) + "]";
      if (plan_.source != nullptr) {
        const auto line = plan_.source->lines.find(place);
        const int number = line == plan_.source->lines.end() ? 1 : line->second;
        place = plan_.source->file + ":" + std::to_string(number) + ": " + place;
      }
      kinds.emplace_back(faults::KindName(plan_.faults[i].kind), place);
    }
    return kinds;
  }

 private:
  static faults::Plan Read(const std::string& file, const NodeTuples& nodes) {
    absl::StatusOr<faults::Plan> plan = faults::ReadPlan(file);
    if (!plan.ok()) throw py::value_error(std::string(plan.status().message()));
    const absl::Status valid = faults::CheckPlan(*plan, FactsOf(nodes));
    if (!valid.ok()) throw py::value_error(std::string(valid.message()));
    return *std::move(plan);
  }

  faults::Plan plan_;
  faults::Injector injector_;
};

}  // namespace

void BindFaults(py::module_& module) {
  using namespace py::literals;
  py::class_<FaultInjector>(module, "FaultInjector")
      .def(py::init<const std::string&, std::uint64_t, const NodeTuples&>(), "file"_a, "seed"_a,
           "nodes"_a)
      .def("start", &FaultInjector::Start)
      .def("handle_timer", &FaultInjector::HandleTimer, "key"_a, "nodes"_a)
      .def("observe", &FaultInjector::Observe, "event"_a, "name"_a, "source"_a, "target"_a,
           "nodes"_a)
      .def("heal", &FaultInjector::Heal, "nodes"_a)
      .def("listens", &FaultInjector::Listens)
      .def("kinds", &FaultInjector::Kinds);
}

}  // namespace mobula::python
