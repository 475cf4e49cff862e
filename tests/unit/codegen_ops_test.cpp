// Every operation, for every dtype, with known and with run-time dimensions: compiled and run,
// against the reference evaluation; with one thread and several, bit for bit the same.
//
// The cases of a type are in the tables of operation_cases.h. A type that is neither there nor in
// `elsewhere` fails the test, so that no operation is added without.
#include "operation_cases.h"

#include <cstdlib>
#include <set>

namespace graphc {
namespace {

void (*casesOf(const OpDef &def))(Suite &) {
  for (const CaseTable *table : {&elementCases(), &arrayCases(), &windowCases()})
    if (auto at = table->find(def.type); at != table->end()) return at->second;
  return nullptr;
}

/// Covered by tests of their own (codegen_state_test.cpp, codegen_loops_test.cpp): they have no
/// evaluation.
const std::set<std::string_view> elsewhere = {"Placeholder",      "PlaceholderWithDefault",
                                              "ReadVariable",     "Assign",
                                              "AssignAdd",        "AssignSub",
                                              "random_uniform",   "random_normal",
                                              "truncated_normal", "NoOp",
                                              "Parameter",        "Scan"};

std::vector<std::string> allTypes() {
  std::vector<std::string> types;
  for (const OpDef *def : allOps())
    if (!elsewhere.contains(def->type)) types.push_back(std::string(def->type));
  return types;
}

class EveryOperation : public testing::TestWithParam<std::string> {
protected:
  void run(bool runTime, const std::string &cpu, int level) {
    auto cases = casesOf(*findOp(GetParam()));
    ASSERT_TRUE(cases) << "no cases for " << GetParam()
                       << ": add them to a table of operation_cases.h";
    Suite suite(GetParam(), runTime);
    cases(suite);
    suite.run(cpu, level);
  }
};

TEST_P(EveryOperation, KnownDimensions) { run(false, "native", 1); }
TEST_P(EveryOperation, RunTimeDimensions) { run(true, "native", 0); }
TEST_P(EveryOperation, OnTheBaseline) { run(false, "x86-64", 0); }
/// For the machine that GRAPHC_TEST_TARGET names, into the folder GRAPHC_TEST_FOLDER: see
/// tests/integration/machines.py.
TEST_P(EveryOperation, ForAnotherMachine) {
  const char *target = std::getenv("GRAPHC_TEST_TARGET"),
             *folder = std::getenv("GRAPHC_TEST_FOLDER");
  if (!target || !folder) GTEST_SKIP() << "no other machine is asked for";
  auto cases = casesOf(*findOp(GetParam()));
  ASSERT_TRUE(cases) << "no cases for " << GetParam()
                     << ": add them to a table of operation_cases.h";
  Suite suite(GetParam(), false);
  cases(suite);
  suite.write(folder, target);
}

INSTANTIATE_TEST_SUITE_P(Operations, EveryOperation, testing::ValuesIn(allTypes()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace graphc
