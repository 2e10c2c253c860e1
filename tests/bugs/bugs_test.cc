// SPDX-License-Identifier: Apache-2.0
// Every deliberate bug is caught by its smallest case, which passes without it.
#include <set>

#include "faults/bugs.h"
#include "tests/bugs/bug_cases.h"

namespace mobula::bugs {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class DeliberateBug : public testing::TestWithParam<faults::BugEntry> {};

TEST_P(DeliberateBug, IsCaughtByItsCase) {
  const BugCase one = CaseOf(GetParam().bug);
  Bugs bugs;
  bugs.SwitchOn(one.bug);
  EXPECT_THAT(RunApart(one, bugs).problems, Contains(HasSubstr(one.says)));
}

TEST_P(DeliberateBug, IsWhatItsCaseFails) {
  const BugCase one = CaseOf(GetParam().bug);
  EXPECT_THAT(RunApart(one, Bugs{}).problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, DeliberateBug, testing::ValuesIn(faults::AllBugs()),
                         [](const auto& info) { return info.param.name; });

TEST(BugRegister, ListsEachOnceInTheOrderOfTheEnum) {
  std::set<std::string> names;
  std::size_t place = 0;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Bug>>([&](auto enumerator) {
    ASSERT_LT(place, faults::AllBugs().size());
    EXPECT_EQ(faults::AllBugs()[place].bug, enumerator.value) << enumerator.name;
    names.insert(faults::AllBugs()[place++].name);
  });
  EXPECT_EQ(faults::AllBugs().size(), place);
  EXPECT_EQ(names.size(), place);
}

TEST(BugRegister, FindsByName) {
  EXPECT_EQ(faults::FindBug("never_fences").value(), Bug::kNeverFences);
  EXPECT_THAT(std::string(faults::FindBug("no_such").status().message()),
              testing::AllOf(HasSubstr("no_such"), HasSubstr("never_fences")));
}

}  // namespace
}  // namespace mobula::bugs
