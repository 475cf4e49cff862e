// W0308. `tf.nn.relu` works so that definitions can be pasted; `relu` is its name here.
#include "lint/names.h"
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_set<std::string_view> taken;
  for (const auto &name : lint.names().bound)
    if (name.name) taken.insert(lint.text(name.name));
  for (const auto &spelt : lint.trace.plainSpellings) {
    if (spelt.span.file != lint.module()->file || taken.contains(spelt.name)) continue;
    auto &found = lint.report(
        spelt.span, fmt::format("'{}' is '{}' here", lint.sources.text(spelt.span), spelt.name));
    found.fixes.push_back(
        {fmt::format("write '{}'", spelt.name), spelt.span, std::string(spelt.name), true});
  }
}

} // namespace

extern const Rule pythonSpelling;
const Rule pythonSpelling = {.code = "W0308",
                             .name = "python-spelling",
                             .summary = "tf.NAME where NAME alone means the same",
                             .on = false,
                             .run = run};

} // namespace graphc
