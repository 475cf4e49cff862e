// SARIF 2.1.0 (OASIS standard), for code scanning services and editors.
#include "source/render.h"
#include "source/width.h"

#include <map>
#include <nlohmann/json.hpp>

#ifndef GRAPHC_VERSION
#error "GRAPHC_VERSION comes from the build"
#endif

namespace graphc {

namespace {

using Json = nlohmann::ordered_json;

/// A path as a URI reference (RFC 3986): relative where the path is.
std::string uriOf(const std::string &path) {
  std::string name = relativePath(path);
  std::string uri = name.starts_with('/') ? "file://" : "";
  for (unsigned char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("-._~/").find(static_cast<char>(c)) != std::string_view::npos;
    if (plain)
      uri += static_cast<char>(c);
    else
      uri += fmt::format("%{:02X}", c);
  }
  return uri;
}

Json regionOf(const ShownPlace &place) {
  return {{"startLine", place.begin.line},
          {"startColumn", place.begin.column},
          {"endLine", place.end.line},
          {"endColumn", place.end.column}};
}

Json locationOf(const SourceManager &sources, Span span) {
  ShownPlace place = placeOf(sources, span);
  return {{"physicalLocation",
           {{"artifactLocation", {{"uri", uriOf(place.file)}}}, {"region", regionOf(place)}}}};
}

std::string_view levelOf(Severity severity) {
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "note";
}

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\f");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\f") - begin + 1);
}

/// FNV-1a, 64 bits (the parameters that its authors publish).
uint64_t hashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

/// Names a finding in a way that lines inserted above it do not change: by its code, the
/// words of its line, and which of such findings it is.
class Fingerprints {
public:
  std::string next(const SourceManager &sources, const Diagnostic &d) {
    std::string key = d.code + "\n";
    std::string file;
    if (d.span.valid()) {
      const SourceFile &source = sources.file(d.span.file);
      file = source.path();
      key += trimmed(source.lineText(source.lineColumn(d.span.begin).line));
    } else {
      key += d.message;
    }
    size_t occurrence = ++seen_[file + "\n" + key];
    return fmt::format("{:016x}:{}", hashOf(key), occurrence);
  }

private:
  std::map<std::string, size_t> seen_;
};

Json fixesOf(const SourceManager &sources, const Diagnostic &d) {
  Json fixes = Json::array();
  for (const Fix &fix : d.fixes) {
    ShownPlace place = placeOf(sources, fix.span);
    Json replacement = {{"deletedRegion", regionOf(place)},
                        {"insertedContent", {{"text", fix.replacement}}}};
    Json change = {{"artifactLocation", {{"uri", uriOf(place.file)}}},
                   {"replacements", Json::array({replacement})}};
    fixes.push_back(
        {{"description", {{"text", fix.message}}}, {"artifactChanges", Json::array({change})}});
  }
  return fixes;
}

} // namespace

/// What is declared of rules and errors, in the order of their declaration.
struct Declared {
  Json rules = Json::array();
  std::map<std::string, size_t, std::less<>> index;

  void add(const RuleInfo &rule) {
    index.emplace(rule.code, rules.size());
    Json made = {{"id", rule.code}};
    if (!rule.name.empty()) made["name"] = rule.name;
    made["shortDescription"] = {{"text", rule.summary}};
    made["help"] = {{"text", fmt::format("graphc explain {}", rule.code)}};
    made["defaultConfiguration"] = {{"level", levelOf(rule.severity)}};
    if (!rule.on) made["defaultConfiguration"]["enabled"] = false;
    rules.push_back(std::move(made));
  }
};

std::string renderSarif(const Diagnostics &diagnostics, const RenderOptions &options) {
  const SourceManager &sources = diagnostics.sources();
  Declared declared;
  for (Code code : allCodes())
    declared.add({codeNumber(code), "", codeSummary(code), Severity::Error, true});
  for (const RuleInfo &rule : options.rules) declared.add(rule);

  Json results = Json::array();
  Fingerprints fingerprints;
  auto add = [&](const Diagnostic &d) -> Json & {
    if (!declared.index.contains(d.code)) declared.add({d.code, "", d.code, d.severity, true});
    std::string text = d.message;
    if (!d.help.empty()) text += "\n" + d.help;
    Json result = {{"ruleId", d.code},
                   {"ruleIndex", declared.index[d.code]},
                   {"level", levelOf(d.severity)},
                   {"message", {{"text", text}}},
                   {"locations", Json::array()}};
    if (d.span.valid()) result["locations"].push_back(locationOf(sources, d.span));
    for (size_t i = 0; i < d.notes.size(); ++i) {
      Json related = {{"id", i + 1}};
      if (d.notes[i].span.valid()) related.update(locationOf(sources, d.notes[i].span));
      related["message"] = {{"text", d.notes[i].message}};
      result["relatedLocations"].push_back(std::move(related));
    }
    result["partialFingerprints"] = {{"graphcLine/v1", fingerprints.next(sources, d)}};
    if (!d.fixes.empty()) result["fixes"] = fixesOf(sources, d);
    results.push_back(std::move(result));
    return results.back();
  };
  for (const Diagnostic &d : diagnostics.all()) add(d);
  for (const auto &suppressed : options.suppressed) {
    Json suppression = {{"kind", "inSource"}};
    if (!suppressed.reason.empty()) suppression["justification"] = suppressed.reason;
    add(suppressed.finding)["suppressions"] = Json::array({suppression});
  }

  Json driver = {
      {"name", "graphc"}, {"version", GRAPHC_VERSION}, {"rules", std::move(declared.rules)}};
  Json run = {{"tool", {{"driver", std::move(driver)}}},
              {"columnKind", "unicodeCodePoints"},
              {"invocations", Json::array({{{"executionSuccessful", options.successful}}})},
              {"results", std::move(results)}};
  Json log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
              {"version", "2.1.0"},
              {"runs", Json::array({std::move(run)})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace graphc
