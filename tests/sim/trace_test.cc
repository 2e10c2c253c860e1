// SPDX-License-Identifier: Apache-2.0
// Goal: what a trace says of each process is what the process knew: nothing that an event changed
// is missing. Method: a program with retries, borrowers, actors and lost objects; at several points
// all lines so far are applied, and the result is compared with the machines' own views.
#include <boost/json/src.hpp>
#include <fstream>

#include "runtime/trace/json.h"
#include "tests/sim/simulation.h"
#include "tests/temporary_folder.h"

namespace mobula::sim {
namespace {

namespace json = boost::json;

std::vector<char> Large(int n) {
  Sleep(Milliseconds(2));
  return std::vector<char>(200'000, static_cast<char>(n));
}
int SizeOfAll(std::vector<Ref<std::vector<char>>> parts) {
  int size = 0;
  for (const auto& part : parts) size += static_cast<int>(Get(part).size());
  return size;
}
class Keeper {
 public:
  int Keep(Ref<std::vector<char>> value) {
    kept_.push_back(value);
    return static_cast<int>(kept_.size());
  }

 private:
  std::vector<Ref<std::vector<char>>> kept_;
};
Keeper* MakeKeeper() { return new Keeper; }
MOBULA_REMOTE(Large, SizeOfAll, MakeKeeper, &Keeper::Keep)

/// The tables of every process as the trace has them: process, table, key -> record.
std::map<std::string, json::object> Replay(const std::string& path) {
  std::map<std::string, json::object> state;
  std::ifstream file(path);
  std::string text;
  while (std::getline(file, text)) {
    const json::object line = json::parse(text).as_object();
    if (!line.contains("state")) continue;
    json::object& process = state[std::string(line.at("process").as_string())];
    for (const auto& [table, records] : line.at("state").as_object()) {
      json::value& known = process[table];
      if (known.is_null()) known = json::object();
      for (const auto& [key, record] : records.as_object()) {
        if (record.is_null()) {
          EXPECT_EQ(known.as_object().erase(key), 1u) << key << " was not known: " << text;
        } else {
          known.as_object()[key] = record;
        }
      }
    }
  }
  return state;
}

template <class Row>
void Put(json::object& table, const std::string& key, const Row& row) {
  std::string text;
  trace::AppendJson(text, row);
  table[key] = json::parse(text);
}

json::object TablesOf(const worker::Worker& machine) {
  json::object objects;
  json::object tasks;
  for (const worker::ReferenceView& view : machine.References()) {
    const ObjectId id = view.reference.id;
    Put(objects, trace::NameOf(id), *machine.FindObject(id));
    if (const auto task = machine.FindTask(id.task)) Put(tasks, id.task.Short(), *task);
  }
  json::object executions;
  for (const auto& view : machine.Executions()) Put(executions, view.task.Short(), view);
  json::object leases;
  for (const auto& view : machine.Leases()) Put(leases, view.lease.Short(), view);
  return {{"objects", objects}, {"tasks", tasks}, {"executions", executions}, {"leases", leases}};
}

TEST(Trace, ShowsTheTablesOfEveryProcessAsTheyWere) {
  const TemporaryFolder folder;
  const std::string path = folder.File("trace.jsonl");
  Options options = Cluster(3, 2, 5);
  options.faults.Add(
      faults::At(Milliseconds(8), faults::CrashNode{"n3", false, Milliseconds(392)}));
  options.trace_file = path;
  Simulation simulation(options);
  std::size_t compared = 0;
  const auto compare = [&] {
    std::map<std::string, json::object> replayed = Replay(path);
    for (const WorkerId id : simulation.GetWorld().Processes()) {
      for (const auto& [table, expected] : TablesOf(*simulation.GetWorld().FindWorker(id))) {
        const json::value& found = replayed[id.Short()][table];
        const json::object shown = found.is_null() ? json::object() : found.as_object();
        EXPECT_EQ(json::value(shown), expected) << table << " of " << id;
        compared += shown.size();
      }
    }
  };
  simulation.Run([&] {
    const auto keeper = Actor(MakeKeeper).SetMaxRestarts(-1).Remote();
    std::vector<Ref<std::vector<char>>> parts;
    for (int n = 0; n < 12; ++n) parts.push_back(Task(Large).Remote(n));
    compare();
    for (const auto& part : parts) keeper.Task(&Keeper::Keep).Remote(part);
    Sleep(Milliseconds(6));
    compare();
    EXPECT_EQ(Get(Task(SizeOfAll).Remote(parts)), 12 * 200'000);
    compare();
    parts.resize(3);
    Sleep(Milliseconds(50));
    compare();
    EXPECT_EQ(Get(parts[2]).size(), 200'000u);
  });
  EXPECT_GT(compared, 60u);
}

}  // namespace
}  // namespace mobula::sim
