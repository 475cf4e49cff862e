// The cases of every operation, by its type; one table for each file of them.
#pragma once

#include "operation_suite.h"

namespace graphc {

using CaseTable = std::map<std::string_view, void (*)(Suite &)>;

const CaseTable &elementCases();
const CaseTable &arrayCases();
const CaseTable &windowCases();

} // namespace graphc
