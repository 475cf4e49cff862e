// NumPy's archives of arrays (.npz): zip files whose members are .npy files, stored or deflated.
#pragma once

#include "interface/bytes.h"
#include "ops/op.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace graphc {

/// Whether bytes begin as a zip file does.
bool isZip(std::string_view start);

/// An archive, open for reading.
class Npz {
public:
  /// Null, with the reason in `why`, if it can't be read or is malformed; also if a name stands
  /// twice, or a member is no array.
  static std::unique_ptr<Npz> open(const std::string &path, std::string &why);
  ~Npz();
  Npz(const Npz &) = delete;
  Npz &operator=(const Npz &) = delete;

  /// The arrays' names, without ".npy", in the archive's order.
  const std::vector<std::string> &names() const { return names_; }
  /// nullopt, with the reason in `why` (it names the member), if it is malformed.
  std::optional<Array> read(size_t index, std::string &why);

private:
  Npz() = default;
  bool list(std::string &why);

  void *file_ = nullptr;
  std::vector<std::string> names_;
  struct Position;
  std::vector<Position> positions_;
};

struct NamedArray {
  std::string name;
  const Array *array = nullptr;
};

/// Writes an archive of stored members, dated 1980-01-01 so that the same arrays give the same
/// bytes. False, with the reason in `why`.
bool writeNpz(const std::string &path, const std::vector<NamedArray> &arrays, std::string &why);

} // namespace graphc
