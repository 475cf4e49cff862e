#include "interface/sharing.h"

#include "interface/table.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace graphc {

namespace {

using Json = nlohmann::ordered_json;

/// What tells one use from another: the calls that led there, or where it stands if none did. (In a
/// function, each of its variables stands on a line of its own.)
std::string identity(const Place &place) {
  auto text = [](Span span) { return fmt::format("{}:{}-{};", span.file, span.begin, span.end); };
  if (!place.caller) return text(place.span);
  std::string out;
  for (const CallSite *site = place.caller; site; site = site->caller)
    out += text(site->span) + std::string(site->function) + ";";
  return out;
}

/// Consecutive uses of one identity are one.
std::vector<std::pair<Place, size_t>> collapsed(const std::vector<Place> &places) {
  std::vector<std::pair<Place, size_t>> uses;
  std::string last;
  for (const Place &place : places) {
    std::string own = identity(place);
    if (!uses.empty() && own == last)
      ++uses.back().second;
    else
      uses.emplace_back(place, 1);
    last = std::move(own);
  }
  return uses;
}

} // namespace

std::vector<SharingGroup> sharingGroups(const Graph &graph) {
  std::vector<SharingGroup> groups;
  std::unordered_map<std::string, size_t> known;
  for (const Variable *v : graph.variables) {
    if (v->sharedAt.empty()) continue;
    auto uses = collapsed(v->sharedAt);
    std::string key = identity({v->span, v->caller});
    for (const auto &[place, times] : uses) key += fmt::format("|{}*{}", identity(place), times);
    auto [at, isNew] = known.try_emplace(std::move(key), groups.size());
    if (isNew) {
      SharingGroup &group = groups.emplace_back();
      group.made.caller = v->caller;
      for (const auto &[place, times] : uses) group.shared.push_back({{}, place.caller, times});
    }
    SharingGroup &group = groups[at->second];
    group.variables.push_back(v);
    group.made.at.push_back(v->span);
    for (size_t i = 0; i < uses.size(); ++i) group.shared[i].at.push_back(uses[i].first.span);
  }
  return groups;
}

namespace {

/// The innermost scope that all of them lie in; the name of a single one.
std::string titleOf(const SharingGroup &group) {
  std::string_view common = group.variables[0]->name;
  if (group.variables.size() == 1) return std::string(common);
  for (const Variable *v : group.variables) {
    size_t same = 0;
    while (same < std::min(common.size(), v->name.size()) && common[same] == v->name[same]) ++same;
    common = common.substr(0, same);
  }
  size_t slash = common.rfind('/');
  return slash == std::string_view::npos ? "(no scope)" : std::string(common.substr(0, slash));
}

std::string count(size_t n, std::string_view what) {
  return fmt::format("{} {}{}", grouped(int64_t(n)), what, n == 1 ? "" : "s");
}

/// One line for where it stands, if that is one place, and one for each call that led there.
std::vector<std::string> useLines(const SharingUse &use, const SourceManager &sources) {
  std::vector<std::string> lines;
  bool onePlace = std::equal(use.at.begin() + 1, use.at.end(), use.at.begin());
  if (onePlace || !use.caller) lines.push_back("at " + sources.location(use.at[0]));
  for (const CallSite *site = use.caller; site; site = site->caller)
    lines.push_back(
        fmt::format("in {}, called at {}", site->function, sources.location(site->span)));
  if (use.times > 1) lines[0] += fmt::format(" ({} times)", use.times);
  return lines;
}

} // namespace

void writeSharing(const Graph &graph, const SourceManager &sources, std::string &out) {
  auto groups = sharingGroups(graph);
  size_t shared = 0;
  for (const auto &group : groups) shared += group.variables.size();
  if (groups.empty()) {
    out += fmt::format("sharing: none of {}\n", count(graph.variables.size(), "variable"));
    return;
  }
  out += fmt::format("sharing: {} of {}, in {}\n", shared,
                     count(graph.variables.size(), "variable"), count(groups.size(), "group"));
  for (const auto &group : groups) {
    int64_t parameters = 0;
    size_t width = 0, shapes = 0;
    for (const Variable *v : group.variables) {
      parameters += v->shape.elements().value;
      width = std::max(width, columnsOf(v->name));
      shapes = std::max(shapes, toString(v->shape).size());
    }
    out += fmt::format("\n{}: {}, {}\n", titleOf(group), count(group.variables.size(), "variable"),
                       count(size_t(parameters), "parameter"));
    for (size_t i = 0; i < group.variables.size(); ++i) {
      const Variable &v = *group.variables[i];
      std::string shape = toString(v.shape);
      out += fmt::format("├─ {}{}  {}{}  {}  {}\n", v.name,
                         std::string(width - columnsOf(v.name), ' '), shape,
                         std::string(shapes - shape.size(), ' '), dtypeName(v.dtype),
                         sources.location(group.made.at[i]));
    }
    auto branch = [&](std::string_view word, const SharingUse &use, bool last) {
      auto lines = useLines(use, sources);
      for (size_t i = 0; i < lines.size(); ++i)
        out += fmt::format("{} {:<6}  {}\n",
                           i > 0  ? (last ? "  " : "│ ")
                           : last ? "└─"
                                  : "├─",
                           i == 0 ? word : "", lines[i]);
    };
    branch("made", group.made, false);
    for (size_t i = 0; i < group.shared.size(); ++i)
      branch("shared", group.shared[i], i + 1 == group.shared.size());
  }
}

void writeSharingJson(const Graph &graph, const SourceManager &sources, JsonWriter &to) {
  auto useJson = [&](const SharingUse &use) {
    Json places = Json::array(), calls = Json::array();
    for (Span span : use.at) places.push_back(sources.location(span));
    for (const CallSite *site = use.caller; site; site = site->caller)
      calls.push_back({{"function", site->function}, {"location", sources.location(site->span)}});
    return Json{
        {"locations", std::move(places)}, {"calls", std::move(calls)}, {"times", use.times}};
  };
  to.key("sharing");
  to.open();
  for (const auto &group : sharingGroups(graph)) {
    Json names = Json::array(), shared = Json::array();
    for (const Variable *v : group.variables) names.push_back(v->name);
    for (const auto &use : group.shared) shared.push_back(useJson(use));
    to.record({{"variables", std::move(names)},
               {"made", useJson(group.made)},
               {"shared", std::move(shared)}});
  }
  to.close();
}

} // namespace graphc
