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

Json regionOf(const Place &place) {
  return {{"startLine", place.begin.line},
          {"startColumn", place.begin.column},
          {"endLine", place.end.line},
          {"endColumn", place.end.column}};
}

Json locationOf(const SourceManager &sources, Span span) {
  Place place = placeOf(sources, span);
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
    Place place = placeOf(sources, fix.span);
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

std::string renderSarif(const Diagnostics &diagnostics) {
  const SourceManager &sources = diagnostics.sources();
  Json rules = Json::array();
  std::map<std::string, size_t, std::less<>> ruleIndex;
  auto declare = [&](std::string_view code, std::string_view summary, Severity severity) {
    ruleIndex.emplace(code, rules.size());
    rules.push_back({{"id", code},
                     {"shortDescription", {{"text", summary}}},
                     {"help", {{"text", fmt::format("graphc explain {}", code)}}},
                     {"defaultConfiguration", {{"level", levelOf(severity)}}}});
  };
  for (Code code : allCodes()) declare(codeNumber(code), codeSummary(code), Severity::Error);

  Json results = Json::array();
  Fingerprints fingerprints;
  for (const Diagnostic &d : diagnostics.all()) {
    if (!ruleIndex.contains(d.code)) declare(d.code, d.code, d.severity);
    std::string text = d.message;
    if (!d.help.empty()) text += "\n" + d.help;
    Json result = {{"ruleId", d.code},
                   {"ruleIndex", ruleIndex[d.code]},
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
  }

  Json driver = {{"name", "graphc"}, {"version", GRAPHC_VERSION}, {"rules", std::move(rules)}};
  Json run = {{"tool", {{"driver", std::move(driver)}}},
              {"columnKind", "unicodeCodePoints"},
              {"invocations", Json::array({{{"executionSuccessful", true}}})},
              {"results", std::move(results)}};
  Json log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
              {"version", "2.1.0"},
              {"runs", Json::array({std::move(run)})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace graphc
