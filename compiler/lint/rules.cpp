// The list of the rules.
#include "lint/rule.h"

#include <algorithm>

namespace graphc {

extern const Rule uniquifiedVariable, variableUnderReuse, nameScopeIgnored, reopenedScope,
    reuseFalseIgnored, autoReuseUnshared, sharedOtherwise, scopePrefixClash, stateShared, caseOnly,
    numberedVariable, unusedVariable, untrainedVariable, updateLost, displacedVariable, unusedOp,
    unusedPlaceholder, unusedImport, unusedName, shadowed, doubleSoftmax, unstable, pythonSpelling,
    unusedSuppression;

const std::vector<const Rule *> &allRules() {
  static const std::vector<const Rule *> rules = {
      &uniquifiedVariable, // W0201
      &variableUnderReuse, // W0202
      &nameScopeIgnored,   // W0203
      &reopenedScope,      // W0204
      &reuseFalseIgnored,  // W0205
      &autoReuseUnshared,  // W0206
      &sharedOtherwise,    // W0207
      &scopePrefixClash,   // W0208
      &stateShared,        // W0209
      &caseOnly,           // W0210
      &numberedVariable,   // W0211
      &unusedVariable,     // W0212
      &untrainedVariable,  // W0213
      &updateLost,         // W0214
      &displacedVariable,  // W0215
      &unusedOp,           // W0301
      &unusedPlaceholder,  // W0302
      &unusedImport,       // W0303
      &unusedName,         // W0304
      &shadowed,           // W0305
      &doubleSoftmax,      // W0306
      &unstable,           // W0307
      &pythonSpelling,     // W0308
      &unusedSuppression,  // W0309
  };
  return rules;
}

const Rule *findRule(std::string_view code) {
  const auto &rules = allRules();
  auto found =
      std::find_if(rules.begin(), rules.end(), [&](const Rule *r) { return r->code == code; });
  return found == rules.end() ? nullptr : *found;
}

} // namespace graphc
