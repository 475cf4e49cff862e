#include "lint/config.h"

#include "lint/rule.h"

#include <filesystem>

// As headers alone: the library that Debian builds throws exceptions.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace graphc {

namespace fs = std::filesystem;

namespace {

class Reader {
public:
  Reader(std::string path, std::string &why) : path_(std::move(path)), why_(why) {}

  bool read(const toml::table &table, LintConfig &config) {
    constexpr std::string_view keys[] = {"select",  "ignore",  "severity",
                                         "fail-on", "exclude", "defines"};
    for (const auto &[key, value] : table) {
      std::string_view name = key.str();
      if (name == "select" || name == "ignore") continue; // below, in this order
      if (name == "severity") {
        if (!severities(value, config)) return false;
      } else if (name == "fail-on") {
        auto text = value.value<std::string>();
        config.failOn = text ? severityFromName(*text) : std::nullopt;
        if (!config.failOn) return fail(value, "fail-on is \"error\", \"warning\" or \"info\"");
      } else if (name == "exclude") {
        if (!texts(value, "exclude", config.exclude)) return false;
      } else if (name == "defines") {
        if (!defines(value, config)) return false;
      } else {
        return fail(key.source(), unknown("key", name, {std::begin(keys), std::end(keys)}));
      }
    }
    return rules(table, "select", config) && rules(table, "ignore", config);
  }

private:
  std::string placeText(const toml::source_region &at) const {
    return fmt::format("{}:{}:{}", path_, at.begin.line, at.begin.column);
  }
  bool fail(const toml::source_region &at, std::string_view message) {
    why_ = fmt::format("{}: {}", placeText(at), message);
    return false;
  }
  bool fail(const toml::node &node, std::string_view message) {
    return fail(node.source(), message);
  }

  static std::string unknown(std::string_view what, std::string_view name,
                             const std::vector<std::string_view> &known) {
    auto near = nearestName(name, known);
    return fmt::format("there is no {} '{}'{}", what, name,
                       near ? fmt::format("; did you mean '{}'?", *near) : "");
  }

  bool texts(const toml::node &node, std::string_view what, std::vector<std::string> &into) {
    const auto *list = node.as_array();
    if (!list) return fail(node, fmt::format("{} is a list of strings", what));
    for (const auto &item : *list) {
      auto text = item.value<std::string>();
      if (!text || !item.is_string())
        return fail(item, fmt::format("{} is a list of strings", what));
      into.push_back(*text);
    }
    return true;
  }

  /// The codes that a text means: a code, the begin of codes ("W02"), or a rule's name.
  static std::vector<std::string_view> codesOf(std::string_view text) {
    std::vector<std::string_view> codes;
    for (const auto *rule : allRules())
      if (rule->code == text || rule->name == text ||
          (text.starts_with('W') && rule->code.starts_with(text)))
        codes.push_back(rule->code);
    return codes;
  }

  bool known(const toml::node &node, std::string_view text, std::vector<std::string_view> &codes) {
    codes = codesOf(text);
    if (!codes.empty()) return true;
    std::vector<std::string_view> names;
    for (const auto *rule : allRules()) {
      names.push_back(rule->code);
      names.push_back(rule->name);
    }
    if (codeFromNumber(text))
      return fail(node, fmt::format("{} is an error, which is always reported", text));
    return fail(node, unknown("rule", text, names));
  }

  bool rules(const toml::table &table, std::string_view key, LintConfig &config) {
    const auto *node = table.get(key);
    if (!node) return true;
    std::vector<std::string> given;
    if (!texts(*node, key, given)) return false;
    bool on = key == "select";
    if (on)
      for (const auto *rule : allRules()) config.on[std::string(rule->code)] = false;
    const auto &list = *node->as_array();
    std::vector<std::string_view> codes;
    for (size_t i = 0; i < given.size(); ++i) {
      if (!known(list[i], given[i], codes)) return false;
      for (auto code : codes) config.on[std::string(code)] = on;
    }
    return true;
  }

  bool severities(const toml::node &node, LintConfig &config) {
    const auto *table = node.as_table();
    if (!table) return fail(node, "severity is a table: [severity]");
    std::vector<std::string_view> codes;
    for (const auto &[key, value] : *table) {
      codes = codesOf(key.str());
      if (codes.empty()) {
        std::vector<std::string_view> names;
        for (const auto *rule : allRules()) names.push_back(rule->code);
        return fail(key.source(), unknown("rule", key.str(), names));
      }
      auto text = value.value<std::string>();
      auto severity = text ? severityFromName(*text) : std::nullopt;
      if (!severity) return fail(value, "a severity is \"error\", \"warning\" or \"info\"");
      for (auto code : codes) config.severity[std::string(code)] = *severity;
    }
    return true;
  }

  /// A value as -D takes it.
  bool defineText(const toml::node &node, std::string &text) {
    if (const auto *string = node.as_string()) {
      text = string->get();
    } else if (const auto *flag = node.as_boolean()) {
      text = flag->get() ? "True" : "False";
    } else if (const auto *integer = node.as_integer()) {
      text = std::to_string(integer->get());
    } else if (const auto *number = node.as_floating_point()) {
      text = fmt::format("{}", number->get());
    } else if (const auto *list = node.as_array()) {
      text = "[";
      for (const auto &item : *list) {
        std::string part;
        if (!defineText(item, part)) return false;
        if (item.is_string()) part = fmt::format("\"{}\"", part);
        text += (text.size() > 1 ? ", " : "") + part;
      }
      text += "]";
    } else {
      return fail(node, "a param is a string, a number, true, false, or a list of these");
    }
    return true;
  }

  bool defines(const toml::node &node, LintConfig &config) {
    const auto *list = node.as_array();
    if (!list || !list->is_array_of_tables())
      return fail(node, "defines are tables of params: [[defines]]");
    for (const auto &item : *list) {
      Defines run;
      if (!params(*item.as_table(), "", run, config)) return false;
      config.defines.push_back(std::move(run));
    }
    return true;
  }

  /// A param of an imported file is written with a dot: `layers.units = 3`.
  bool params(const toml::table &table, const std::string &prefix, Defines &run,
              LintConfig &config) {
    for (const auto &[key, value] : table) {
      std::string name = prefix + std::string(key.str());
      if (const auto *inner = value.as_table()) {
        if (!params(*inner, name + ".", run, config)) return false;
        continue;
      }
      std::string text;
      if (!defineText(value, text)) return false;
      run.emplace_back(name, text);
      config.definePlaces.emplace(name, placeText(key.source()));
    }
    return true;
  }

  std::string path_;
  std::string &why_;
};

/// One name of a path against one of a glob.
bool matchesName(std::string_view glob, std::string_view name) {
  size_t g = 0, n = 0, star = std::string_view::npos, back = 0;
  auto one = [&](size_t &at, char c) {
    if (at >= glob.size()) return false;
    if (glob[at] == '?') return ++at, true;
    size_t close = glob[at] == '[' ? glob.find(']', at + 2) : std::string_view::npos;
    if (close == std::string_view::npos) return glob[at] == c ? (++at, true) : false;
    size_t i = at + 1;
    bool inverted = glob[i] == '!' || glob[i] == '^';
    if (inverted) ++i;
    bool inside = false;
    for (; i < close; ++i)
      if (i + 2 < close && glob[i + 1] == '-') {
        inside |= glob[i] <= c && c <= glob[i + 2];
        i += 2;
      } else {
        inside |= glob[i] == c;
      }
    if (inside == inverted) return false;
    at = close + 1;
    return true;
  };
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      back = n;
    } else if (one(g, name[n])) {
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++back;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> names;
  while (!path.empty()) {
    size_t slash = std::min(path.find('/'), path.size());
    if (slash && path.substr(0, slash) != ".") names.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

/// Row by row: which begins of the path the globs so far match.
bool matchesNames(const std::vector<std::string_view> &globs,
                  const std::vector<std::string_view> &names) {
  std::vector<uint8_t> at(names.size() + 1), next;
  at[0] = 1;
  for (auto glob : globs) {
    next.assign(names.size() + 1, 0);
    for (size_t i = 0; i <= names.size(); ++i) {
      if (glob == "**")
        next[i] = at[i] || (i && next[i - 1]);
      else if (i && at[i - 1])
        next[i] = matchesName(glob, names[i - 1]);
    }
    at.swap(next);
  }
  // What matches a folder matches all in it.
  for (size_t i = 1; i <= names.size(); ++i)
    if (at[i]) return true;
  return false;
}

} // namespace

bool LintConfig::isOn(std::string_view code) const {
  auto found = on.find(code);
  if (found != on.end()) return found->second;
  const Rule *rule = findRule(code);
  return !rule || rule->on;
}

Severity LintConfig::severityOf(std::string_view code, Severity otherwise) const {
  auto found = severity.find(code);
  return found == severity.end() ? otherwise : found->second;
}

bool LintConfig::excludes(const std::string &absolutePath) const {
  std::string_view path = absolutePath;
  if (!path.starts_with(folder) || path.size() <= folder.size()) return false;
  path.remove_prefix(folder.size());
  return std::any_of(exclude.begin(), exclude.end(),
                     [&](auto &glob) { return matchesGlob(glob, path); });
}

bool matchesGlob(std::string_view glob, std::string_view path) {
  auto globs = split(glob);
  if (globs.empty()) return false;
  bool anywhere = glob.find('/') == std::string_view::npos ||
                  (glob.find('/') == glob.size() - 1 && !glob.starts_with('/'));
  if (anywhere) globs.insert(globs.begin(), "**");
  return matchesNames(globs, split(path));
}

std::optional<Severity> severityFromName(std::string_view name) {
  for (auto severity : {Severity::Error, Severity::Warning, Severity::Info})
    if (name == severityName(severity)) return severity;
  return std::nullopt;
}

std::shared_ptr<const LintConfig> readLintConfig(const std::string &path, std::string &why) {
  std::string reason;
  auto text = readFile(path, reason);
  if (!text) {
    why = fmt::format("'{}' can't be read: {}", path, reason);
    return nullptr;
  }
  toml::parse_result parsed = toml::parse(*text, path);
  if (!parsed) {
    const auto &error = parsed.error();
    why = fmt::format("{}:{}:{}: {}", path, error.source().begin.line, error.source().begin.column,
                      error.description());
    return nullptr;
  }
  auto config = std::make_shared<LintConfig>();
  config->path = path;
  std::error_code failed;
  config->folder = fs::weakly_canonical(path, failed).parent_path().string();
  if (!config->folder.ends_with('/')) config->folder += '/';
  if (!Reader(path, why).read(parsed.table(), *config)) return nullptr;
  return config;
}

std::shared_ptr<const LintConfig> LintConfigs::read(const std::string &path, std::string &why) {
  auto [at, isNew] = byPath_.try_emplace(path);
  if (isNew) at->second.first = readLintConfig(path, at->second.second);
  if (!at->second.first) why = at->second.second;
  return at->second.first;
}

std::shared_ptr<const LintConfig> LintConfigs::of(const std::string &folder, std::string &why) {
  if (!given_.empty()) return read(given_, why);
  if (auto known = byFolder_.find(folder); known != byFolder_.end()) return known->second;
  std::shared_ptr<const LintConfig> found;
  fs::path place(folder);
  std::error_code failed;
  if (fs::is_regular_file(place / "graphlint.toml", failed)) {
    // Shown as a user would name it.
    fs::path shown = (place / "graphlint.toml").lexically_proximate(fs::current_path(failed));
    bool below = !failed && shown.native().find("..") == std::string::npos;
    found = read(below ? shown.string() : (place / "graphlint.toml").string(), why);
    if (!found) return nullptr;
  } else if (place.has_relative_path()) {
    found = of(place.parent_path().string(), why);
    if (!found) return nullptr;
  } else {
    found = std::make_shared<LintConfig>();
  }
  return byFolder_[folder] = found;
}

} // namespace graphc
