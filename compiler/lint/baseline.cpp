#include "lint/baseline.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace graphc {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr int version = 1;

/// FNV-1a, 64 bits.
uint64_t hashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

std::string folderOf(const std::string &path) {
  std::error_code failed;
  return fs::absolute(path, failed).lexically_normal().parent_path().string();
}

std::string fileOf(const std::string &folder, const SourceManager &sources,
                   const Diagnostic &finding) {
  if (!finding.span.valid()) return "";
  const std::string &path = sources.file(finding.span.file).path();
  if (path == "-") return path;
  std::error_code failed;
  return fs::absolute(path, failed).lexically_normal().lexically_proximate(folder).string();
}

} // namespace

std::string fingerprintOf(const SourceManager &sources, const Diagnostic &finding) {
  std::string key = finding.code + "\n";
  if (finding.span.valid()) {
    const SourceFile &file = sources.file(finding.span.file);
    std::string_view line = file.lineText(file.lineColumn(finding.span.begin).line);
    // Blanks between words are a matter of style.
    bool blank = false;
    for (char c : line) {
      bool isBlank = c == ' ' || c == '\t' || c == '\f';
      if (!isBlank && blank && key.back() != '\n') key += ' ';
      if (!isBlank) key += c;
      blank = isBlank;
    }
  } else {
    key += finding.message;
  }
  return fmt::format("{:016x}", hashOf(key));
}

bool Baseline::read(const std::string &path, std::string &why) {
  std::string reason;
  auto text = readFile(path, reason);
  if (!text) {
    why = fmt::format("the baseline '{}' can't be read: {}", path, reason);
    return false;
  }
  folder_ = folderOf(path);
  auto all = Json::parse(*text, nullptr, false);
  auto broken = [&](std::string_view what) {
    why = fmt::format("'{}' is no baseline: {}; `graphc lint --write-baseline {}` makes one", path,
                      what, path);
    return false;
  };
  if (all.is_discarded() || !all.is_object()) return broken("it is not JSON");
  if (!all.contains("graphc-baseline") || !all["graphc-baseline"].is_number_integer())
    return broken("it has no \"graphc-baseline\"");
  if (all["graphc-baseline"] != version) return broken("it is of another version");
  if (!all.contains("findings") || !all["findings"].is_array())
    return broken("it has no \"findings\"");
  for (const auto &entry : all["findings"]) {
    for (const char *key : {"file", "code", "fingerprint"})
      if (!entry.is_object() || !entry.contains(key) || !entry[key].is_string())
        return broken(fmt::format("a finding has no \"{}\"", key));
    uint64_t count = 1;
    if (entry.contains("count")) {
      if (!entry["count"].is_number_unsigned()) return broken("a \"count\" is no number");
      count = entry["count"].get<uint64_t>();
    }
    counts_[fmt::format("{}\n{}\n{}", entry["file"].get<std::string>(),
                        entry["code"].get<std::string>(),
                        entry["fingerprint"].get<std::string>())] += count;
  }
  return true;
}

bool Baseline::takes(const SourceManager &sources, const Diagnostic &finding) {
  auto found = counts_.find(fmt::format("{}\n{}\n{}", fileOf(folder_, sources, finding),
                                        finding.code, fingerprintOf(sources, finding)));
  if (found == counts_.end() || found->second == 0) return false;
  --found->second;
  return true;
}

std::string Baseline::write(const std::string &path, const SourceManager &sources,
                            const std::vector<Finding> &findings) {
  std::string folder = folderOf(path);
  Json list = Json::array();
  std::map<std::string, size_t> places;
  for (const auto &finding : findings) {
    std::string file = fileOf(folder, sources, finding), print = fingerprintOf(sources, finding);
    auto [at, isNew] =
        places.try_emplace(fmt::format("{}\n{}\n{}", file, finding.code, print), list.size());
    if (isNew) {
      // The message is for those who read the file; it is not compared.
      list.push_back({{"file", file},
                      {"code", finding.code},
                      {"fingerprint", print},
                      {"count", 1},
                      {"message", finding.message}});
    } else {
      auto &count = list[at->second]["count"];
      count = count.get<uint64_t>() + 1;
    }
  }
  Json all = {{"graphc-baseline", version}, {"findings", std::move(list)}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace graphc
