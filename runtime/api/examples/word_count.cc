// SPDX-License-Identifier: Apache-2.0
/// Counts the words of generated pages: a task per page, a tree of tasks that merge the counts, an
/// actor that keeps the progress. Prints the same on a cluster and in the simulator, also when a
/// node dies.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/api/mobula.h"

namespace {

using Counts = std::map<std::string, int>;

class Progress {
 public:
  int Note(int pages) { return done_ += pages; }

 private:
  int done_ = 0;
};

Progress* MakeProgress() { return new Progress; }

/// A page of the book: made up, the same every time.
std::string ReadPage(int page, int words) {
  const char* const vocabulary[] = {"ray", "manta", "skate", "eagle", "sting"};
  std::string text;
  for (int i = 0; i < words; ++i) {
    text += vocabulary[(page + i % 11 * i) % 5];
    text += ' ';
  }
  return text;
}

Counts CountWords(const std::string& text, const mobula::ActorHandle<Progress>& progress) {
  // What it takes to read a page with care.
  mobula::Sleep(mobula::Milliseconds(100));
  Counts counts;
  std::istringstream words(text);
  for (std::string word; words >> word;) ++counts[word];
  mobula::Get(progress.Task(&Progress::Note).Remote(1));
  return counts;
}

Counts Merge(Counts a, const Counts& b) {
  for (const auto& [word, count] : b) a[word] += count;
  return a;
}

MOBULA_REMOTE(ReadPage, CountWords, Merge, MakeProgress, &Progress::Note)

}  // namespace

MOBULA_MAIN(argc, argv) {
  const int pages = argc > 1 ? std::atoi(argv[1]) : 16;
  const auto progress =
      mobula::Actor(MakeProgress).SetMaxRestarts(-1).SetMaxTaskRetries(-1).Remote();

  std::vector<mobula::Ref<Counts>> counts;
  for (int page = 0; page < pages; ++page) {
    // 50,000 words are too large for a message, so a page goes through the object stores.
    const auto text = mobula::Task(ReadPage).Remote(page, 50'000);
    counts.push_back(mobula::Task(CountWords).Remote(text, progress));
  }
  while (counts.size() > 1) {
    const auto merged = mobula::Task(Merge).Remote(counts[0], counts[1]);
    counts.erase(counts.begin(), counts.begin() + 2);
    counts.push_back(merged);
  }
  for (const auto& [word, count] : mobula::Get(counts.front())) {
    std::printf("%s: %d\n", word.c_str(), count);
  }
  return 0;
}
