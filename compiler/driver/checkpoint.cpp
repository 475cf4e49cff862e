// graphc checkpoint: what stands in checkpoint files, and files of other programs.
#include "driver/command.h"
#include "driver/output.h"
#include "driver/run_inputs.h"
#include "driver/train_data.h"
#include "interface/arrays.h"
#include "interface/npy.h"
#include "interface/npz.h"
#include "interface/tensor_file.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace graphc {

namespace {

namespace fs = std::filesystem;
using Tensors = std::vector<std::pair<std::string, Array>>;

// list ----------------------------------------------------------------------------------------

int64_t elementsOf(const FileTensor &tensor) {
  int64_t count = 1;
  for (int64_t dim : tensor.dims) count *= dim;
  return count;
}

std::string listJson(const std::string &path, const TensorFile &file) {
  nlohmann::ordered_json json = {{"graphc", 1}, {"file", path}};
  auto tensors = nlohmann::ordered_json::array();
  int64_t elements = 0, bytes = 0;
  for (const FileTensor &tensor : file.tensors()) {
    tensors.push_back({{"name", tensor.name},
                       {"dtype", tensor.dtypeName},
                       {"shape", tensor.dims},
                       {"bytes", tensor.bytes}});
    elements += elementsOf(tensor);
    bytes += tensor.bytes;
  }
  json["tensors"] = std::move(tensors);
  auto metadata = nlohmann::ordered_json::object();
  for (const auto &[key, value] : file.metadata()) metadata[key] = value;
  json["metadata"] = std::move(metadata);
  json["elements"] = elements;
  json["bytes"] = bytes;
  return json.dump() + "\n";
}

/// Control characters, which a name may hold, do nothing to the terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  return out;
}

std::string listTable(const TensorFile &file) {
  std::vector<std::array<std::string, 4>> rows{{"name", "dtype", "shape", "bytes"}};
  int64_t elements = 0, bytes = 0;
  for (const FileTensor &tensor : file.tensors()) {
    rows.push_back({printable(tensor.name), tensor.dtypeName, dimsText(tensor.dims),
                    std::to_string(tensor.bytes)});
    elements += elementsOf(tensor);
    bytes += tensor.bytes;
  }
  std::array<size_t, 4> widths{};
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto &row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}\n", row[0], widths[0], row[1], widths[1],
                        row[2], widths[2], row[3], widths[3]);
  text +=
      fmt::format("\n{} tensors, {} elements, {} bytes\n", file.tensors().size(), elements, bytes);
  for (const auto &[key, value] : file.metadata())
    text += fmt::format("{}: {}\n", printable(key), printable(value));
  return text;
}

int runList(const std::string &path, const std::string &format, std::string &why) {
  auto file = TensorFile::open(path, why);
  if (!file) return exitUsage;
  return writeOutput(format == "json" ? listJson(path, *file) : listTable(*file)) ? exitFine
                                                                                  : exitUsage;
}

// rename --------------------------------------------------------------------------------------

bool readMap(const std::string &path, Bindings &renames, std::string &why) {
  std::string reason;
  auto text = readFile(path, reason);
  if (!text) {
    why = fmt::format("can't read '{}': {}", path, reason);
    return false;
  }
  auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  auto map = json.is_object() ? json.find("renames") : json.end();
  bool fine = json.is_object() && map != json.end() && map->is_object();
  if (fine)
    for (const auto &[from, to] : map->items()) {
      fine = fine && to.is_string();
      if (fine) renames.emplace_back(from, to.get<std::string>());
    }
  if (!fine) why = fmt::format("'{}' is no map: {{\"renames\": {{\"OLD\": \"NEW\"}}}}", path);
  return fine;
}

/// Each tensor's new name, by the file's order: all renames at once, so that two may be swapped. A
/// rename of OLD/ to NEW/ is one of everything within.
bool renamed(const TensorFile &file, const Bindings &renames, std::vector<std::string> &names,
             std::string &why) {
  std::vector<std::string_view> known;
  for (const FileTensor &tensor : file.tensors()) {
    names.push_back(tensor.name);
    known.push_back(tensor.name);
  }
  std::vector<bool> taken(names.size());
  for (const auto &[from, to] : renames) {
    if (to.empty() || from.ends_with('/') != to.ends_with('/')) {
      why = fmt::format("'{}' can't be renamed '{}': a scope, OLD/, is renamed to one, NEW/", from,
                        to);
      return false;
    }
    bool found = false;
    for (size_t i = 0; i < known.size(); ++i) {
      bool fits = from.ends_with('/') ? known[i].starts_with(from) : known[i] == from;
      if (!fits) continue;
      found = true;
      if (taken[i]) {
        why = fmt::format("'{}' is renamed twice", known[i]);
        return false;
      }
      taken[i] = true;
      names[i] = to + std::string(known[i].substr(from.size()));
    }
    if (found) continue;
    auto nearest = nearestName(from, known);
    why = fmt::format("there is no '{}'{}", from,
                      nearest ? fmt::format("; did you mean '{}'?", *nearest) : "");
    return false;
  }
  std::set<std::string_view> seen;
  for (const std::string &name : names)
    if (!seen.insert(name).second) {
      why = fmt::format("two tensors would be called '{}'", name);
      return false;
    }
  return true;
}

bool readAll(const TensorFile &file, Tensors &tensors, std::string &why) {
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    tensors.emplace_back(file.tensors()[i].name, Array());
    if (!file.read(i, tensors.back().second, why)) return false;
  }
  return true;
}

int runRename(const std::string &path, const std::vector<std::string> &pairs,
              const std::string &map, const std::string &output, std::string &why) {
  Bindings renames;
  if (!map.empty() && !readMap(map, renames, why)) return exitUsage;
  for (const std::string &pair : pairs) {
    size_t at = pair.find('=');
    if (at == std::string::npos || at == 0) {
      why = fmt::format("a rename is OLD=NEW, not '{}'", pair);
      return exitUsage;
    }
    renames.emplace_back(pair.substr(0, at), pair.substr(at + 1));
  }
  if (renames.empty()) {
    why = "nothing to rename: OLD=NEW, or --map FILE";
    return exitUsage;
  }
  auto file = TensorFile::open(path, why);
  std::vector<std::string> names;
  Tensors tensors;
  if (!file || !renamed(*file, renames, names, why) || !readAll(*file, tensors, why))
    return exitUsage;
  for (size_t i = 0; i < names.size(); ++i) tensors[i].first = names[i];
  return writeTensors(output.empty() ? path : output, tensors, file->metadata(), why) ? exitFine
                                                                                      : exitUsage;
}

// import --------------------------------------------------------------------------------------

bool importNpz(const std::string &path, Tensors &tensors, std::string &why) {
  std::string reason;
  auto npz = Npz::open(path, reason);
  bool fine = npz != nullptr;
  for (size_t i = 0; fine && i < npz->names().size(); ++i) {
    auto array = npz->read(i, reason);
    fine = array.has_value();
    if (fine) tensors.emplace_back(npz->names()[i], std::move(*array));
  }
  if (!fine) why = fmt::format("'{}' {}", path, reason);
  return fine;
}

bool importFile(const std::string &name, const std::string &path, Tensors &tensors,
                std::string &why) {
  std::string reason;
  auto array = readArray(path, reason);
  if (array)
    tensors.emplace_back(name, std::move(*array));
  else
    why = fmt::format("'{}' {}", path, reason);
  return array.has_value();
}

/// The .npy files below a folder, each named by its path within, as `export` writes them.
bool importFolder(const std::string &folder, Tensors &tensors, std::string &why) {
  std::map<std::string, std::string> files;
  std::error_code failed;
  fs::recursive_directory_iterator at(folder, failed), end;
  for (; !failed && at != end; at.increment(failed))
    if (at->is_regular_file(failed) && at->path().extension() == ".npy")
      files[fs::path(at->path()).replace_extension().lexically_relative(folder).generic_string()] =
          at->path().string();
  if (failed || files.empty()) {
    why = failed ? fmt::format("can't read '{}': {}", folder, failed.message())
                 : fmt::format("'{}' holds no .npy files", folder);
    return false;
  }
  return std::all_of(files.begin(), files.end(), [&](const auto &file) {
    return importFile(file.first, file.second, tensors, why);
  });
}

bool importSource(const std::string &source, Tensors &tensors, std::string &why) {
  std::error_code failed;
  // A path may hold a '='.
  size_t at = source.find('=');
  if (at != std::string::npos && at > 0 && !fs::exists(source, failed))
    return importFile(source.substr(0, at), source.substr(at + 1), tensors, why);
  if (fs::is_directory(source, failed)) return importFolder(source, tensors, why);
  std::string reason;
  auto bytes = openBytes(source, reason);
  if (!bytes) {
    why = fmt::format("'{}' {}", source, reason);
    return false;
  }
  if (isZip(bytes->peek(4))) return importNpz(source, tensors, why);
  return importFile(fs::path(source).stem().string(), source, tensors, why);
}

int runImport(const std::vector<std::string> &sources, const std::string &output,
              std::string &why) {
  Tensors tensors;
  for (const std::string &source : sources)
    if (!importSource(source, tensors, why)) return exitUsage;
  std::set<std::string_view> seen;
  for (const auto &[name, array] : tensors)
    if (!seen.insert(name).second) {
      why = fmt::format("two arrays are called '{}'; NAME=FILE.npy gives one another name", name);
      return exitUsage;
    }
  return writeTensors(output, tensors, {}, why) ? exitFine : exitUsage;
}

// export --------------------------------------------------------------------------------------

/// Whether a tensor's name, with ".npy", is a path that stays within a folder.
bool staysWithin(const std::string &name) {
  if (name.empty() || name.front() == '/' || name.back() == '/') return false;
  if (name.find('\0') != std::string::npos) return false;
  fs::path path(name);
  return std::none_of(path.begin(), path.end(), [](const fs::path &part) {
    return part == ".." || part == "." || part.empty();
  });
}

/// A folder that is made beside its place and gets its name when it is complete.
class NewFolder {
public:
  explicit NewFolder(std::string path) : path_(std::move(path)) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  }
  ~NewFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }
  NewFolder(const NewFolder &) = delete;

  bool make(std::string &why) {
    std::string name = path_ + ".XXXXXX";
    if (!mkdtemp(name.data())) return failed(why);
    temporary_ = name;
    std::error_code ignored;
    fs::permissions(temporary_, fs::perms::all & ~mask(), ignored);
    return true;
  }
  const std::string &temporary() const { return temporary_; }
  bool commit(std::string &why) {
    // Takes the place of nothing or of an empty folder; of nothing else.
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(why);
    temporary_.clear();
    return true;
  }

private:
  static fs::perms mask() {
    mode_t mask = umask(0);
    umask(mask);
    return static_cast<fs::perms>(mask);
  }
  bool failed(std::string &why) {
    why = errno == ENOTEMPTY || errno == EEXIST
              ? fmt::format("'{}' exists and is not empty", path_)
              : fmt::format("can't write '{}': {}", path_, std::strerror(errno));
    return false;
  }
  std::string path_, temporary_;
};

bool exportFolder(const Tensors &tensors, const std::string &output, std::string &why) {
  NewFolder folder(output);
  if (!folder.make(why)) return false;
  for (const auto &[name, array] : tensors) {
    if (!staysWithin(name)) {
      why = fmt::format("'{}' is no name for a file in a folder; FILE.npz takes any",
                        printable(name));
      return false;
    }
    fs::path file = fs::path(folder.temporary()) / (name + ".npy");
    OutputSet set;
    if (!makeFolders(file.parent_path().string(), why) ||
        !set.add(file.string(), npyBytes(array.dtype, array.dims, array.bytes), false, why) ||
        !set.commit(why))
      return false;
  }
  return folder.commit(why);
}

bool exportArchive(const Tensors &tensors, const std::string &output, std::string &why) {
  std::vector<NamedArray> arrays;
  for (const auto &[name, array] : tensors) arrays.push_back({name, &array});
  OutputSet set;
  std::string temporary, reason;
  if (!set.reserve(output, temporary, why)) return false;
  if (temporary == output) {
    why = fmt::format("can't write '{}': it is not a regular file", output);
    return false;
  }
  if (!writeNpz(temporary, arrays, reason)) {
    why = fmt::format("can't write '{}': {}", output, reason);
    return false;
  }
  return set.commit(why);
}

int runExport(const std::string &path, const std::string &output, std::string &why) {
  auto file = TensorFile::open(path, why);
  Tensors tensors;
  if (!file) return exitUsage;
  if (!readAll(*file, tensors, why)) {
    why = fmt::format("'{}': {}", path, why);
    return exitUsage;
  }
  bool fine = output.ends_with(".npz") ? exportArchive(tensors, output, why)
                                       : exportFolder(tensors, output, why);
  return fine ? exitFine : exitUsage;
}

} // namespace

int runCheckpoint(const Arguments &arguments) {
  CLI::App app("Shows and converts checkpoint files (safetensors).", "graphc checkpoint");
  app.require_subcommand(1);
  std::string file, format = "text", output, map;
  std::vector<std::string> words;
  CLI::App *list = app.add_subcommand("list", "The tensors of a file, and its metadata");
  list->add_option("FILE", file, "A checkpoint")->required();
  list->add_option("--format", format, "text (a table) or json")
      ->check(CLI::IsMember({"text", "json"}));
  CLI::App *rename = app.add_subcommand("rename", "Gives tensors other names, all at once");
  rename->add_option("FILE", file, "A checkpoint")->required();
  rename->add_option("RENAMES", words, "OLD=NEW; OLD/=NEW/ renames all within a scope");
  rename->add_option("--map", map, "Renames in a file: {\"renames\": {\"OLD\": \"NEW\"}}")
      ->type_name("FILE");
  rename->add_option("-o", output, "Where the result goes (default: FILE itself)")
      ->type_name("FILE");
  CLI::App *import = app.add_subcommand("import", "Makes a checkpoint of NumPy's files");
  import
      ->add_option("SOURCES", words, "FILE.npz, FILE.npy, NAME=FILE.npy, or a folder of .npy files")
      ->required();
  import->add_option("-o", output, "The checkpoint")->type_name("FILE")->required();
  CLI::App *exports = app.add_subcommand("export", "Writes a checkpoint as NumPy's files");
  exports->add_option("FILE", file, "A checkpoint")->required();
  exports->add_option("-o", output, "FILE.npz, or a new folder for .npy files")
      ->type_name("OUTPUT")
      ->required();
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  std::string why;
  if (list->parsed())
    status = runList(file, format, why);
  else if (rename->parsed())
    status = runRename(file, words, map, output, why);
  else if (import->parsed())
    status = runImport(words, output, why);
  else
    status = runExport(file, output, why);
  if (!why.empty()) usageError(why);
  return status;
}

} // namespace graphc
